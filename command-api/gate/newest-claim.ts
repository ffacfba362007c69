// The claim check (docs/guarantees.md P2): is an epoch claimed that is newer than that of these events?
import type { EndOffsets } from '../../platform/kafka/admin.ts';

/** The newest epoch that was claimed, or null when none ever was. */
export type NewestClaim = () => Promise<number | null>;

/** A claim's offset is its epoch, so the newest is one before the end of the one partition. */
export function createNewestClaim(readEnds: () => Promise<EndOffsets>): NewestClaim {
  return async () => {
    const end = (await readEnds()).get(0) ?? 0n;
    return end === 0n ? null : Number(end - 1n);
  };
}
