// The master check before events go out: were they decided on the master that the gate of their epoch
// was opened on, with all that it held? A gate is compared at every connection and once a second; what is decided in between
// on a server that has become another one behind the open connection is noticed here, and by nothing
// else: nobody claims an epoch before somebody compares (docs/adr/0014).
import type { Redis } from 'ioredis';
import { readReplication } from '../../platform/redis-server.ts';
import type { Gate } from '../gate/gate.ts';

/** What was decided in this epoch, over this connection, was decided on the master of its gate. */
export type CheckedMaster = { epoch: number; connection: number };

export type MasterCheck = {
  /** The connection to Redis that is there now: another number after each loss. */
  connection(): number;
  /** Asks the server behind that connection; null when it is another one, or does not answer. */
  check(): Promise<CheckedMaster | null>;
};

/** Checks the master behind `redis`; the gate closes when it is not the one that it was opened on. */
export function createMasterCheck(
  redis: Redis,
  gate: Pick<Gate, 'lastOpen' | 'recheck'>,
): MasterCheck {
  let connection = 0;
  redis.on('close', () => {
    connection += 1;
  });
  return {
    connection: () => connection,
    check: async () => {
      const asked = connection;
      const open = gate.lastOpen();
      const found = await readReplication(redis).catch(() => null);
      if (open === null || found === null || asked !== connection) return null;
      if (!found.isMaster || found.replicationId !== open.replicationId) {
        gate.recheck('another Redis answers on the open connection');
        return null;
      }
      // What was decided may rest on keys that were gone by then.
      if (found.evictedKeys !== open.evictedKeys) {
        gate.recheck('Redis has evicted keys');
        return null;
      }
      return { epoch: open.epoch, connection };
    },
  };
}
