// A replica that lags is made the master, and the old one does not know of it.
import { pause } from '../../platform/backoff.ts';
import type { Fault } from './fault.ts';

/**
 * The old master is cut off from replica and Sentinel while both command APIs still write to it; it
 * stops by itself, as it should. When the Sentinel has promoted the replica, they are led to that one.
 */
export function promoted(): Fault {
  return {
    name: 'redis: a stale replica promoted, the old master cut off',
    part: 'redis',
    begin: async ({ replicated }) => {
      const { link, fronts, promoted: promotion } = replicated();
      link.cut();
      const port = await promotion();
      for (const front of fronts) front.lead(port);
    },
    end: rejoin,
  };
}

const APART_MS = 6_000;

/**
 * The old master goes on as if nothing had happened, and so does one command API on it; the other one
 * is on the new master. Only the claim check is between the two sides.
 */
export function sidesApart(): Fault {
  return {
    name: `redis: two masters for ${APART_MS / 1_000} s, a command API on each`,
    part: 'redis',
    begin: async ({ replicated }) => {
      const { link, fronts, promoted: promotion, firstMaster } = replicated();
      await firstMaster.config('SET', 'min-replicas-to-write', 0);
      link.cut();
      const port = await promotion();
      fronts[0].lead(port);
      await pause(APART_MS);
      fronts[1].lead(port);
    },
    end: rejoin,
  };
}

async function rejoin({ replicated }: Parameters<Fault['begin']>[0]): Promise<void> {
  const { link, rejoined } = replicated();
  link.mend();
  await rejoined();
}
