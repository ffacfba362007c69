// How far this process's clock is from that of a server. No promise rests on it: what is off is said in
// readiness, and nothing is closed.
import type { Redis } from 'ioredis';
import type { Knex } from 'knex';
import type { Assumption, AssumptionFinding } from './assumptions.ts';

/** Beyond what synchronized clocks ever differ by, in milliseconds; below what a date would show. */
export const MAX_CLOCK_DIFFERENCE_MS = 5_000;

/** When a server was asked for its time, all in milliseconds since 1970. */
type ClockReading = {
  /** This process's clock before the question, and after the answer. */
  askedMs: number;
  answeredMs: number;
  /** The server's clock was between these two. */
  serverFromMs: number;
  serverToMs: number;
};

/**
 * Whether two clocks differ by more than `MAX_CLOCK_DIFFERENCE_MS`, however long the answer was on its way.
 * @param server its name in the reason
 */
export function compareClocks(server: string, reading: ClockReading): AssumptionFinding {
  const aheadMs = Math.max(0, reading.askedMs - reading.serverToMs);
  const behindMs = Math.max(0, reading.serverFromMs - reading.answeredMs);
  if (Math.max(aheadMs, behindMs) <= MAX_CLOCK_DIFFERENCE_MS) return { kind: 'holds' };
  const seconds = Math.round(Math.max(aheadMs, behindMs) / 1_000);
  const where = aheadMs > behindMs ? 'ahead of' : 'behind';
  return {
    kind: 'broken',
    reason: `the clock of this process is ${seconds} s ${where} that of ${server}`,
  };
}

/** Compares this process's clock with that of Redis, which coupons begin and end by. */
export function redisClockAssumption(redis: Redis): Assumption {
  return {
    name: 'redis-clock',
    severity: 'warns',
    look: async () => {
      const askedMs = Date.now();
      const [seconds, microseconds] = await redis.time();
      const serverMs = Number(seconds) * 1_000 + Number(microseconds) / 1_000;
      const answeredMs = Date.now();
      return compareClocks('Redis', {
        ...{ askedMs, answeredMs, serverFromMs: serverMs, serverToMs: serverMs },
      });
    },
  };
}

/** Compares this process's clock with that of MySQL, which tells whole seconds. */
export function mysqlClockAssumption(db: Knex): Assumption {
  return {
    name: 'mysql-clock',
    severity: 'warns',
    look: async () => {
      const askedMs = Date.now();
      const [rows] = await db.raw('SELECT UNIX_TIMESTAMP() AS seconds');
      const serverFromMs = Number(rows[0].seconds) * 1_000;
      const answeredMs = Date.now();
      return compareClocks('MySQL', {
        ...{ askedMs, answeredMs, serverFromMs, serverToMs: serverFromMs + 999 },
      });
    },
  };
}
