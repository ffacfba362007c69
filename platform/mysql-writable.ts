// Is this MySQL one to write to, or a replica, as after a failover?
import type { Knex } from 'knex';
import type { Assumption } from './assumptions.ts';

/**
 * The server takes writes. A user with enough rights may write to a replica in spite of `read_only`: what
 * is written there is lost with the next failover.
 */
export function mysqlWritableAssumption(db: Knex): Assumption {
  return {
    name: 'mysql-writable',
    severity: 'closes',
    look: async () => {
      const [[row]] = await db.raw(
        'SELECT @@GLOBAL.read_only AS readOnly, @@GLOBAL.innodb_read_only AS innodbReadOnly',
      );
      const { readOnly, innodbReadOnly } = row;
      // 0 and 1, or the names of newer versions of MariaDB.
      const isWritable = [readOnly, innodbReadOnly].every((value) => /^(0|OFF)$/.test(`${value}`));
      return isWritable
        ? { kind: 'holds' }
        : { kind: 'broken', reason: 'MySQL is read only: it may be a replica' };
    },
  };
}
