// A walk over a list to its end, while partitions are applied in any order.
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { ASSIGN_TOPIC, deadLetterTopicOf, LIFECYCLE_TOPIC } from '../../../contracts/topics.ts';
import type { CouponAssigned } from '../../../domain/coupon-events.ts';
import {
  couponList,
  decodeSequenceCursor,
  decodeTimeCursor,
  encodeSequenceCursor,
  encodeTimeCursor,
  userList,
} from '../../../query-api/http/cursor.ts';
import { createReadStore, type ReadStore } from '../../../query-api/read-model/read-store.ts';
import type { WalkedPage, WalkPlace } from '../../../query-api/read-model/walk.ts';
import { call } from '../../support/system/api.ts';
import { createTestDatabase, type TestDatabase } from '../../support/system/database.ts';
import { type ServiceProcess, startService } from '../../support/system/service-process.ts';
import { aCoupon, anAssignment } from '../projector/support/event-log.ts';
import { createPartitions, type Entry, type Partitions } from './partitions.ts';

const DLT = deadLetterTopicOf(ASSIGN_TOPIC);
const START = Date.UTC(2026, 5, 1);

for (const server of ['MYSQL_URL', 'MARIADB_URL'] as const) {
  describe(`A walk over a list on ${server === 'MYSQL_URL' ? 'MySQL' : 'MariaDB'}`, () => {
    let database: TestDatabase;
    let partitions: Partitions;
    let service: ServiceProcess;

    before(async () => {
      database = await createTestDatabase(server);
      partitions = createPartitions(database.db);
      service = await startService('query-api', { MYSQL_URL: database.url });
    });
    after(async () => {
      await service?.end('SIGTERM');
      await database?.drop();
    });

    /** Ids of all items, page by page; `between` happens after page 1, 2, ... */
    async function walk(
      path: string,
      limit: number,
      between: (page: number) => Promise<void> = async () => undefined,
    ): Promise<string[]> {
      const ids: string[] = [];
      let next: string | null = null;
      let page = 0;
      do {
        const cursor: string = next === null ? '' : `&cursor=${next}`;
        const { status, body } = await call('GET', `${service.url}${path}?limit=${limit}${cursor}`);
        expect(status, JSON.stringify(body)).to.equal(200);
        if (body.nextCursor !== null) expect(body.items).to.have.length(limit);
        ids.push(
          ...body.items.map(
            (item: { id?: string; assignmentId?: string }) => item.id ?? item.assignmentId,
          ),
        );
        next = body.nextCursor;
        page += 1;
        if (next !== null) await between(page);
      } while (next !== null);
      return ids;
    }

    /** `count` assignments of a coupon and a user, in their order. */
    function assignments(count: number): CouponAssigned[] {
      const [couponId, userId] = [randomUUID(), randomUUID()];
      return Array.from({ length: count }, (_, n) =>
        anAssignment(couponId, n + 1, { userId, nthOfUser: n + 1, occurredAt: START + n }),
      );
    }

    const entriesOf = (events: readonly Entry['event'][]): Entry[] =>
      events.map((event) => ({ event }));
    const idsOf = (events: readonly CouponAssigned[]): string[] =>
      events.map(({ assignmentId }) => assignmentId);
    const everySecond = <T>(items: readonly T[], from: number): T[] =>
      items.filter((_, index) => index % 2 === from);

    /** Every second of the events is applied while the walk over `path` is at its second page. */
    const expectWhole = async (path: string, events: readonly CouponAssigned[]): Promise<void> => {
      partitions.append(ASSIGN_TOPIC, 0, ...entriesOf(everySecond(events, 0)));
      partitions.append(ASSIGN_TOPIC, 1, ...entriesOf(everySecond(events, 1)));
      await partitions.apply(ASSIGN_TOPIC, 0);
      const shown = await walk(path, 3, async (page) => {
        if (page === 2) await partitions.apply(ASSIGN_TOPIC, 1);
      });
      expect(shown.toSorted()).to.deep.equal(idsOf(events).toSorted());
    };

    it('finds the assignments of a coupon that are applied behind its page', async () => {
      const events = assignments(20);
      const path = `/coupons/${events[0]?.couponId}/assignments`;
      await expectWhole(path, events);
      expect(await walk(path, 3), 'by sequence, when all is quiet').to.deep.equal(idsOf(events));
    });

    it('finds the assignments of a user that are applied behind its page', async () => {
      const events = assignments(20);
      const path = `/users/${events[0]?.userId}/assignments`;
      await expectWhole(path, events);
      expect(await walk(path, 3)).to.deep.equal(idsOf(events).reverse());
    });

    it('finds the coupons that are applied behind its page', async () => {
      const coupons = Array.from({ length: 20 }, (_, n) => aCoupon({ occurredAt: START + n }));
      partitions.append(LIFECYCLE_TOPIC, 0, ...entriesOf(everySecond(coupons, 0)));
      partitions.append(LIFECYCLE_TOPIC, 2, ...entriesOf(everySecond(coupons, 1)));
      await partitions.apply(LIFECYCLE_TOPIC, 0);
      const shown = await walk('/coupons', 3, async (page) => {
        if (page === 2) await partitions.apply(LIFECYCLE_TOPIC, 2);
      });
      const ids = coupons.map(({ couponId }) => couponId);
      expect(shown.toSorted()).to.deep.equal(ids.toSorted());
      expect(await walk('/coupons', 3)).to.deep.equal(ids.reverse());
    });

    it('finds what a dead letter gives that is applied long after its turn', async () => {
      const events = assignments(20);
      const path = `/coupons/${events[0]?.couponId}/assignments`;
      const entries = events.map((event, n) => ({ event, isPoison: n === 1 || n === 17 }));
      partitions.append(ASSIGN_TOPIC, 0, ...entries);
      await partitions.apply(ASSIGN_TOPIC, 0);
      const shown = await walk(path, 5, async (page) => {
        if (page === 3) await partitions.apply(DLT, 0);
      });
      expect(shown.toSorted()).to.deep.equal(idsOf(events).toSorted());
    });

    it('waits for tables that are not as far as those of its last page', async () => {
      const events = assignments(10);
      const path = `${service.url}/coupons/${events[0]?.couponId}/assignments?limit=4`;
      partitions.append(ASSIGN_TOPIC, 0, ...entriesOf(events));
      await partitions.apply(ASSIGN_TOPIC, 0);
      const { body } = await call('GET', path);
      const move = (by: number) =>
        database
          .db('projection_checkpoints')
          .where({ topic: ASSIGN_TOPIC, partition_id: 0 })
          .increment('next_offset', by);
      await move(-1);
      const early = await call('GET', `${path}&cursor=${body.nextCursor}`);
      expect(early.status).to.equal(503);
      expect(early.body.code).to.equal('Coupon-0016');
      expect(early.headers.get('retry-after')).to.equal('1');
      await move(1);
      expect((await call('GET', `${path}&cursor=${body.nextCursor}`)).status).to.equal(200);
    });

    it('shows each of what was applied before its last page once, in any order of steps', async () => {
      const store = createReadStore(database.db, { timeoutMs: 20_000, maxReads: 10 });
      let run = 0;
      const history = fc.asyncProperty(anyHistory, async ({ records, limit, first, steps }) => {
        run += 1;
        const events = assignments(records.length);
        const partitionOf = (n: number): number => run * 10 + n;
        for (const [index, { partition, isPoison }] of records.entries()) {
          const event = events[index] as CouponAssigned;
          partitions.append(ASSIGN_TOPIC, partitionOf(partition), { event, isPoison });
        }
        const { couponId, userId } = events[0] as CouponAssigned;
        const walks = [walkCoupon(store, couponId, limit), walkUser(store, userId, limit)];
        const nextPages = async (): Promise<void> => {
          const rows = await database.db('assignments').where({ user_id: userId }).select('id');
          for (const one of walks) await one.page(rows.map(({ id }) => id));
        };
        for (const step of [...first, ...steps]) {
          const { topic, partition, count } = step;
          if (step.kind === 'page') await nextPages();
          else await partitions.apply(topic, partitionOf(partition), count);
        }
        while (walks.some((one) => !one.isOver())) await nextPages();
        for (const one of walks) {
          const { shown, wanted } = one.result();
          expect(new Set(shown).size, 'nothing twice').to.equal(shown.length);
          expect(shown).to.include.members(wanted);
        }
      });
      await fc.assert(history, { numRuns: 25, endOnFailure: true });
    });
  });
}

const anyPartition = fc.nat(3);
const applySome = (partition: number) =>
  fc.integer({ min: 1, max: 9 }).map((count) => ({
    kind: 'apply' as const,
    topic: ASSIGN_TOPIC,
    partition,
    count,
  }));
const anyHistory = fc.record({
  records: fc.array(
    fc.record({
      partition: anyPartition,
      isPoison: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    }),
    { minLength: 20, maxLength: 40 },
  ),
  limit: fc.integer({ min: 1, max: 4 }),
  // Something is there at the first page: a walk over nothing is over at once.
  first: fc.tuple(...[0, 1, 2, 3].map(applySome)),
  steps: fc.array(
    fc.record({
      kind: fc.constantFrom('page' as const, 'apply' as const),
      topic: fc.constantFrom(ASSIGN_TOPIC, DLT),
      partition: anyPartition,
      count: fc.integer({ min: 1, max: 9 }),
    }),
    { maxLength: 40 },
  ),
});

type StoreWalk = {
  /** Reads the next page; `applied`: what had been applied by then. Nothing when the walk is over. */
  page(applied: string[]): Promise<void>;
  isOver(): boolean;
  /** All ids that were shown, and those that had been applied when the last page was asked for. */
  result(): { shown: string[]; wanted: string[] };
};

function walkCoupon(store: ReadStore, couponId: string, limit: number): StoreWalk {
  const list = couponList(couponId);
  return walkStore(async (cursor) => {
    const after = cursor === null ? null : decodeSequenceCursor(list, cursor);
    const walked = await store.assignmentsOfCoupon(couponId, { limit, after });
    return toPage(walked, (next) => encodeSequenceCursor(list, next));
  }, limit);
}

function walkUser(store: ReadStore, userId: string, limit: number): StoreWalk {
  const list = userList(userId);
  return walkStore(async (cursor) => {
    const after = cursor === null ? null : decodeTimeCursor(list, cursor);
    const walked = await store.assignmentsOfUser(userId, { limit, after });
    return toPage(walked, (next) => encodeTimeCursor(list, next));
  }, limit);
}

type ReadPage = { ids: string[]; cursor: string | null };

function toPage<Key>(
  walked: WalkedPage<{ id: string }, Key>,
  encode: (next: WalkPlace<Key>) => string,
): ReadPage {
  if (walked.kind !== 'page') expect.fail(walked.kind);
  return { ids: walked.rows.map(({ id }) => id), cursor: walked.next && encode(walked.next) };
}

function walkStore(
  readPage: (cursor: string | null) => Promise<ReadPage>,
  limit: number,
): StoreWalk {
  const shown: string[] = [];
  let wanted: string[] = [];
  let cursor: string | null = null;
  let isOver = false;
  return {
    page: async (applied) => {
      if (isOver) return;
      wanted = applied;
      const page = await readPage(cursor);
      shown.push(...page.ids);
      cursor = page.cursor;
      isOver = cursor === null;
      if (!isOver) expect(page.ids).to.have.length(limit);
    },
    isOver: () => isOver,
    result: () => ({ shown, wanted }),
  };
}
