// How far a rush is: a bar that stays on its line in a terminal, a line a second elsewhere.
import type { RushProgress } from './tally.ts';

export type ProgressDisplay = {
  show(progress: RushProgress): void;
  /** Leaves the last state standing. */
  end(): void;
};

const BAR_WIDTH = 30;
const LINE_EVERY_MS = 1_000;

/** On stderr: what is measured goes to stdout. */
export function createProgressDisplay(
  output: NodeJS.WriteStream = process.stderr,
): ProgressDisplay {
  let shownAt = performance.now();
  let isBarOpen = false;
  return {
    show: (progress) => {
      if (output.isTTY) {
        isBarOpen = true;
        output.write(`\r${bar(progress)} ${words(progress)}\x1b[K`);
        return;
      }
      if (performance.now() - shownAt < LINE_EVERY_MS) return;
      shownAt = performance.now();
      output.write(`${words(progress)}\n`);
    },
    end: () => {
      if (isBarOpen) output.write('\n');
      isBarOpen = false;
    },
  };
}

function bar({ users, accepted, refused }: RushProgress): string {
  const done = Math.floor((BAR_WIDTH * (accepted + refused)) / Math.max(1, users));
  return `[${'#'.repeat(done)}${'.'.repeat(BAR_WIDTH - done)}]`;
}

function words({ users, accepted, refused, repeats, elapsedMs }: RushProgress): string {
  const again = repeats > 0 ? `, ${repeats} asked again` : '';
  return `${accepted + refused} of ${users} answered: ${accepted} accepted, ${refused} refused${again}, ${(elapsedMs / 1_000).toFixed(1)} s`;
}
