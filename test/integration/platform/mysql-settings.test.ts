// MySQL and MariaDB with defaults that nobody here would choose.
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Knex } from 'knex';
import { migrateToLatest } from '../../../admin/migrations.ts';
import { createMysql } from '../../../platform/mysql.ts';
import { mysqlWritableAssumption } from '../../../platform/mysql-writable.ts';
import { createProjectBatch } from '../../../projector/projection/project-batch.ts';
import { applyOnce } from '../../../projector/projection/store.ts';
import { SESSION_STATEMENTS } from '../../../projector/projection/transaction.ts';
import type { StoredAssignment } from '../../../query-api/http/resources.ts';
import { createReadStore, type ReadStore } from '../../../query-api/read-model/read-store.ts';
import type { TimeKey, WalkedPage, WalkPlace } from '../../../query-api/read-model/walk.ts';
import { type OwnDatabases, startOwnDatabases } from '../../support/servers/own-mysql.ts';
import { anAssignment, decodedAt, marker } from '../projector/support/event-log.ts';
import { insertAssignments, insertCoupon } from '../query-api/rows.ts';

/** User ids that are more than a value where a client puts them into a statement by itself. */
const USER_IDS = ["o'brien", "' OR 1=1 -- ", "\\' OR 1=1 -- ", '" OR 1=1 -- ', 'a\\', '%', 'é😀'];

/** As an operator may have set a server up; every new connection begins with it. */
const DEFAULTS = [
  "sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES,PIPES_AS_CONCAT,PAD_CHAR_TO_FULL_LENGTH'",
  'autocommit = 0',
  "time_zone = '+09:00'",
  'sql_safe_updates = 1',
  'sql_select_limit = 1',
  "character_set_client = 'latin1'",
];
const OWN_DEFAULTS = {
  mysql: ["transaction_isolation = 'SERIALIZABLE'", 'max_execution_time = 1'],
  mariadb: ["tx_isolation = 'SERIALIZABLE'", 'max_statement_time = 0.001'],
} as const;

function rowsOf<Row, Key>(page: WalkedPage<Row, Key>): Row[] {
  if (page.kind !== 'page') throw new Error(page.kind);
  return page.rows;
}

/** At most 9 assignments of a user, from the place `after` of a walk on. */
async function ofUser(
  store: ReadStore,
  userId: string,
  after: WalkPlace<TimeKey> | null = null,
): Promise<StoredAssignment[]> {
  return rowsOf(await store.assignmentsOfUser(userId, { limit: 9, after }));
}

describe('A database with defaults of its own', function () {
  this.timeout(180_000);
  let servers: OwnDatabases;

  before(async () => {
    servers = await startOwnDatabases();
  });
  after(() => servers?.close());

  for (const flavour of ['mysql', 'mariadb'] as const) {
    describe(`(${flavour})`, () => {
      let db: Knex;

      before(async () => {
        const operator = createMysql({ url: servers.urls[flavour], poolSize: 1 });
        for (const each of [...DEFAULTS, ...OWN_DEFAULTS[flavour]]) {
          await operator.raw(`SET GLOBAL ${each}`);
        }
        await operator.destroy();
        db = createMysql({
          url: servers.urls[flavour],
          ...{ poolSize: 4, sessionStatements: SESSION_STATEMENTS },
        });
        await migrateToLatest(db);
      });
      after(() => db?.destroy());

      it('gives every user the own assignments, and nobody those of others', async () => {
        const ids = await insertAssignments(
          db,
          USER_IDS.map((userId) => ({ userId })),
        );
        const store = createReadStore(db, { timeoutMs: 10_000, maxReads: 50 });
        for (const [i, userId] of USER_IDS.entries()) {
          const found = await ofUser(store, userId);
          expect(found.map(({ id }) => id)).to.deep.equal([ids[i]]);
          const after = { atMs: Date.now(), id: "' OR 1=1 -- " };
          const next = await ofUser(store, userId, { reach: new Map(), after });
          expect(next.map(({ id }) => id)).to.deep.equal([ids[i]]);
        }
        expect(await ofUser(store, "' OR '1'='1")).to.deep.equal([]);
      });

      it('takes from the log what it gives to readers: text, numbers and times', async () => {
        const projectBatch = createProjectBatch(async () => undefined);
        const couponId = randomUUID();
        const events = USER_IDS.map((userId, i) =>
          anAssignment(couponId, i + 1, { userId: `log ${userId}` }),
        );
        await applyOnce(db, decodedAt(0, marker(0), ...events), projectBatch);
        const store = createReadStore(db, { timeoutMs: 10_000, maxReads: 50 });
        for (const { userId, assignmentId, sequence, occurredAt } of events) {
          expect(await ofUser(store, userId)).to.deep.equal([
            { id: assignmentId, couponId, userId, sequence, assignedAt: occurredAt },
          ]);
        }
      });

      it('is known to be a replica while it is read only', async () => {
        const { look } = mysqlWritableAssumption(db);
        expect(await look()).to.deep.equal({ kind: 'holds' });
        await db.raw('SET GLOBAL read_only = 1');
        expect(await look()).to.have.property('kind', 'broken');
        await db.raw('SET GLOBAL read_only = 0');
      });

      it('refuses what does not fit, and cuts nothing off', async () => {
        const error = await insertCoupon(db, { title: 'x'.repeat(101) }).catch((e: unknown) => e);
        expect(error).to.have.property('code', 'ER_DATA_TOO_LONG');
      });

      it('shows on every connection what another one has written', async () => {
        const reader = createMysql({ url: servers.urls[flavour], poolSize: 1 });
        const store = createReadStore(reader, { timeoutMs: 10_000, maxReads: 50 });
        const { length } = rowsOf(await store.coupons({ limit: 99, after: null }));
        await insertCoupon(db);
        const found = rowsOf(await store.coupons({ limit: 99, after: null }));
        expect(found).to.have.length(length + 1);
        await reader.destroy();
      });
    });
  }
});
