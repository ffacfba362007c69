// MySQL and MariaDB with defaults that nobody here would choose.
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Knex } from 'knex';
import { migrateToLatest } from '../../../admin/migrations.ts';
import type { NonEmpty } from '../../../platform/bisect-batch.ts';
import { createMysql } from '../../../platform/mysql.ts';
import { mysqlWritableAssumption } from '../../../platform/mysql-writable.ts';
import type { ConsumedRecord } from '../../../projector/consumed-record.ts';
import { createApplyBatch } from '../../../projector/consumer/apply-batch.ts';
import { createPartitionLease } from '../../../projector/consumer/partition-lease.ts';
import { createRetryDeadLetter } from '../../../projector/dead-letters/retry-dead-letter.ts';
import { codeOf } from '../../../projector/failures.ts';
import { createProjectBatch } from '../../../projector/projection/project-batch.ts';
import { applyOnce } from '../../../projector/projection/store.ts';
import { SESSION_STATEMENTS } from '../../../projector/projection/transaction.ts';
import type { StoredAssignment } from '../../../query-api/http/resources.ts';
import { createReadStore, type ReadStore } from '../../../query-api/read-model/read-store.ts';
import type { TimeKey, WalkedPage, WalkPlace } from '../../../query-api/read-model/walk.ts';
import { type OwnDatabases, startOwnDatabases } from '../../support/servers/own-mysql.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import {
  anAssignment,
  decodedAt,
  marker,
  someAssignments,
} from '../projector/support/event-log.ts';
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

      it('is known to be away by a user whose connections are used up, or whose password is old', async () => {
        const user = "'firstcome'@'127.0.0.1'";
        const { password } = new URL(servers.urls[flavour]);
        const operator = createMysql({ url: servers.urls[flavour], poolSize: 1 });
        const failureOfReads = async (): Promise<Set<unknown>> => {
          const late = createMysql({ url: servers.urls[flavour], poolSize: 10 });
          const store = createReadStore(late, { timeoutMs: 10_000, maxReads: 50 });
          const reads = Array.from({ length: 20 }, () => store.coupons({ limit: 9, after: null }));
          const answers = await Promise.allSettled(reads);
          await late.destroy();
          return new Set(
            answers.flatMap((one) => (one.status === 'rejected' ? [codeOf(one.reason)] : [])),
          );
        };
        await operator.raw(`ALTER USER ${user} WITH MAX_USER_CONNECTIONS 2`);
        expect(await failureOfReads()).to.deep.equal(new Set(['MYSQL_UNAVAILABLE']));
        await operator.raw(`ALTER USER ${user} WITH MAX_USER_CONNECTIONS 0`);
        await operator.raw(`ALTER USER ${user} IDENTIFIED BY 'new'`);
        expect(await failureOfReads()).to.deep.equal(new Set(['MYSQL_UNAVAILABLE']));
        await operator.raw(`ALTER USER ${user} IDENTIFIED BY '${password}'`);
        expect(await failureOfReads()).to.deep.equal(new Set());
        await operator.destroy();
      });

      describe('that takes small packets', () => {
        // Below 16 KiB, net_buffer_length, servers do not keep to it.
        const LIMIT = 32_768;
        let small: Knex;

        before(async () => {
          await db.raw(`SET GLOBAL max_allowed_packet = ${LIMIT}`);
          small = createMysql({
            url: servers.urls[flavour],
            ...{ poolSize: 2, sessionStatements: SESSION_STATEMENTS },
          });
        });
        after(async () => {
          await small?.destroy();
          await db.raw('SET GLOBAL max_allowed_packet = 16777216');
        });

        it('gets a batch in parts that fit', async () => {
          const couponId = randomUUID();
          const events = [marker(0), ...someAssignments(couponId, 500)];
          const records = decodedAt(0, ...events).map(({ record }, partOf) => ({
            ...record,
            ...{ partition: 7, value: Buffer.from(`${partOf}`) },
          }));
          const projectBatch = createProjectBatch(async (deadLetters) => {
            expect(deadLetters).to.deep.equal([]);
          });
          const applyBatch = createApplyBatch({
            codec: {
              decode: async (value) => {
                const { type, ...event } = events[Number(value)] ?? marker(0);
                return { name: type, event };
              },
            },
            store: (decoded) => applyOnce(small, decoded, projectBatch),
            consumerHealth: { stalled: () => expect.fail('it waits'), resumed: () => undefined },
            logger: silentLogger(),
          });
          const lease = createPartitionLease({
            ...{ heartbeat: async () => undefined, isOurs: () => true },
            closing: new AbortController().signal,
          });
          const outcome = await applyBatch(records as unknown as NonEmpty<ConsumedRecord>, lease);
          expect(outcome).to.deep.include({ kind: 'applied', nextOffset: 501n });
          expect(await db('assignments').where({ coupon_id: couponId })).to.have.length(500);
        });

        it('keeps a dead letter that never fits without its value, and says so', async () => {
          const retry = createRetryDeadLetter(Date.now, silentLogger());
          const topic = 'coupon-assign-dlt';
          const [{ record }] = decodedAt(0, marker(0));
          const poison = { code: 'RECORD_UNREADABLE', reason: 'no event', attempts: 1 };
          const value = Buffer.alloc(2 * LIMIT, 0xff);
          const outcome = await applyOnce(
            small,
            [{ kind: 'poison', record: { ...record, topic, value }, poison }],
            retry,
          );
          expect(outcome).to.deep.include({ kind: 'applied', nextOffset: 1n });
          const row = await db('dead_letters').where({ topic }).first();
          expect(row).to.include({ record_value: null });
          expect(row.reason).to.contain('max_allowed_packet');
        });
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
