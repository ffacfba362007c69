// Faults of a MySQL that is there.
import type { Knex } from 'knex';
import { ASSIGN_TOPIC } from '../../contracts/topics.ts';
import { pause } from '../../platform/backoff.ts';
import type { FaultEnvironment } from './environment.ts';
import type { Fault } from './fault.ts';

/** No table can be changed, by nobody. */
export function readOnly(lastsMs: number): Fault {
  const set = ({ system }: FaultEnvironment, value: 'ON' | 'OFF') =>
    system.database.db.raw(`SET GLOBAL super_read_only = ${value}`);
  return {
    name: `mysql: read-only for ${lastsMs / 1_000} s`,
    part: 'mysql',
    trace: ['projector', 'ER_OPTION_PREVENTS_STATEMENT'],
    lastsMs,
    begin: (environment) => set(environment, 'ON'),
    end: async (environment) => {
      await set(environment, 'OFF');
      await environment.system.database.db.raw('SET GLOBAL read_only = OFF');
    },
  };
}

/** Another session holds the checkpoints of the assignments, longer than MySQL lets anybody wait. */
export function checkpointsLocked(lastsMs: number): Fault {
  let trx: Knex.Transaction | undefined;
  return {
    name: `mysql: checkpoints locked for ${lastsMs / 1_000} s`,
    part: 'mysql',
    trace: ['projector', 'ER_LOCK_WAIT_TIMEOUT'],
    lastsMs,
    begin: async ({ system }) => {
      trx = await system.database.db.transaction();
      await trx('projection_checkpoints').where({ topic: ASSIGN_TOPIC }).forUpdate().select('*');
    },
    end: async () => {
      await trx?.rollback();
    },
  };
}

const WEIGHT = 20_000;

/**
 * Another session takes the locks that the projector takes, in the other order, again and again. It
 * has changed more rows, so it is the projector that MySQL ends.
 */
export function deadlocks(lastsMs: number): Fault {
  const ended = new AbortController();
  let fighting: Promise<void> = Promise.resolve();
  const fight = async ({ system, load }: FaultEnvironment): Promise<void> => {
    const { db } = system.database;
    while (!ended.signal.aborted) {
      const trx = await db.transaction();
      try {
        await trx.raw('UPDATE ballast SET n = n + 1');
        await trx('coupon_counters').where('coupon_id', load.couponId).forUpdate().select('*');
        // Long enough for the projector to come to the counter, with its checkpoint in hand.
        await pause(200, ended.signal);
        await trx('projection_checkpoints').where({ topic: ASSIGN_TOPIC }).forUpdate().select('*');
      } catch {
        // Who of the two is ended does not matter.
      } finally {
        await trx.rollback();
      }
    }
  };
  return {
    name: `mysql: deadlocks for ${lastsMs / 1_000} s`,
    part: 'mysql',
    trace: ['projector', 'ER_LOCK_DEADLOCK'],
    lastsMs,
    begin: async (environment) => {
      const { db } = environment.system.database;
      await db.raw('CREATE TABLE ballast (id INT AUTO_INCREMENT PRIMARY KEY, n INT NOT NULL)');
      await db.batchInsert(
        'ballast',
        Array.from({ length: WEIGHT }, () => ({ n: 0 })),
        5_000,
      );
      fighting = fight(environment);
    },
    end: async ({ system }) => {
      ended.abort();
      await fighting;
      await system.database.db.raw('DROP TABLE ballast');
    },
  };
}
