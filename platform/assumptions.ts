// What the promise rests on, looked at while the process runs (docs/assumptions.md).
import { type Backoff, backoffMs, pause } from './backoff.ts';
import { withDeadline } from './deadline.ts';
import { messageOf } from './errors.ts';
import type { Logger } from './logger.ts';

export type AssumptionFinding = { kind: 'holds' } | { kind: 'broken'; reason: string };

/** One thing that the promise rests on, and how it is looked at. */
export type Assumption = {
  /** As in docs/assumptions.md; names are unique. */
  name: string;
  /** Broken, it `closes` the service (not ready, nothing is decided), or only `warns` in readiness. */
  severity: 'closes' | 'warns';
  /** Looks at the real part. What it throws is no finding: the last one stays, and it is asked again soon. */
  look(): Promise<AssumptionFinding>;
};

export type AssumptionWatch = {
  /** Looks at all of them now, beside the regular looks. Never throws. */
  lookNow(): Promise<void>;
  /** Why the service may not work: a broken assumption, or one not looked at yet; null when none. */
  broken(): string | null;
  /** Broken assumptions that only warn. */
  warnings(): string[];
  /** Ends the regular looks; one under way is left to itself. */
  close(): void;
};

/** How often the services look, in milliseconds. */
export const ASSUMPTIONS_EVERY_MS = 120_000;

const LOOK_LIMIT_MS = 10_000;
const RETRY: Backoff = { firstMs: 200, factor: 2, maxMs: 10_000 };

type Watched = { assumption: Assumption; finding: AssumptionFinding | null; unseen: string | null };

/**
 * Looks at every assumption at once, and again every `everyMs` milliseconds; sooner while a look fails
 * or finds it broken. A change of a finding is logged once.
 */
export function createAssumptionWatch(options: {
  assumptions: readonly Assumption[];
  everyMs: number;
  logger: Logger;
}): AssumptionWatch {
  const { everyMs, logger } = options;
  const ended = new AbortController();
  const all: Watched[] = options.assumptions.map((assumption) => ({
    ...{ assumption, finding: null, unseen: null },
  }));
  const follow = async (watched: Watched): Promise<void> => {
    for (let attempt = 0; !ended.signal.aborted; ) {
      const steady = await lookAt(watched, logger);
      attempt = steady ? 0 : attempt + 1;
      await pause(steady ? everyMs : Math.min(everyMs, backoffMs(RETRY, attempt)), ended.signal);
    }
  };
  for (const watched of all) void follow(watched);
  return {
    lookNow: async () => {
      await Promise.all(all.map((watched) => lookAt(watched, logger)));
    },
    broken: () => {
      const closing = all.filter(({ assumption }) => assumption.severity === 'closes');
      return closing.map(complaintOf).find((complaint) => complaint !== null) ?? null;
    },
    warnings: () =>
      all.flatMap(({ assumption, finding }) =>
        assumption.severity === 'warns' && finding?.kind === 'broken'
          ? [`${assumption.name}: ${finding.reason}`]
          : [],
      ),
    close: () => ended.abort(),
  };
}

function complaintOf({ assumption, finding, unseen }: Watched): string | null {
  if (finding?.kind === 'holds') return null;
  return `${assumption.name}: ${finding?.reason ?? unseen ?? 'not looked at yet'}`;
}

/** @returns whether it was seen to hold; never throws */
async function lookAt(watched: Watched, logger: Logger): Promise<boolean> {
  const { assumption, finding: before } = watched;
  const { name } = assumption;
  try {
    const late = (): Error => new Error(`no answer within ${LOOK_LIMIT_MS} ms`);
    const found = await withDeadline(assumption.look(), LOOK_LIMIT_MS, late);
    watched.finding = found;
    watched.unseen = null;
    if (found.kind === 'broken') {
      const isNew = before?.kind !== 'broken' || before.reason !== found.reason;
      if (isNew) logger.error({ assumption: name, reason: found.reason }, 'assumption broken');
      return false;
    }
    if (before?.kind === 'broken') logger.info({ assumption: name }, 'assumption holds again');
    return true;
  } catch (error) {
    if (watched.unseen === null) {
      logger.warn({ assumption: name, reason: messageOf(error) }, 'assumption not looked at');
    }
    watched.unseen = `not looked at: ${messageOf(error)}`;
    return false;
  }
}
