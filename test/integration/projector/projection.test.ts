import { expect } from 'chai';
import { ASSIGN_TOPIC, LIFECYCLE_TOPIC } from '../../../contracts/topics.ts';
import { kafkajsOf } from '../../../platform/kafka/kafkajs-of.ts';
import { createTestDatabase, type TestDatabase } from '../../support/system/database.ts';
import { createEventSystem, type EventSystem } from '../../support/system/topics.ts';
import { waitUntil } from '../../support/wait-until.ts';
import {
  aCoupon,
  anAssignment,
  createEventLog,
  type EventLog,
  marker,
  someAssignments,
} from './support/event-log.ts';
import {
  type ProjectorProcess,
  projectorSettings,
  startProjector,
} from './support/projector-process.ts';
import { caughtUp, issuedOf, totals } from './support/read-model.ts';

for (const server of ['MYSQL_URL', 'MARIADB_URL'] as const) {
  describe(`the projection into ${server === 'MYSQL_URL' ? 'MySQL' : 'MariaDB'}`, () => {
    let system: EventSystem;
    let database: TestDatabase;
    let log: EventLog;
    let projector: ProjectorProcess;

    before(async function () {
      this.timeout(180_000);
      system = await createEventSystem('projection-');
      database = await createTestDatabase(server);
      log = createEventLog(system);
      projector = await startProjector(
        projectorSettings({ topicPrefix: system.topicPrefix, mysqlUrl: database.url }),
      );
    });
    after(async function () {
      this.timeout(180_000);
      await projector?.end('SIGTERM');
      await database?.drop();
      await system?.cleanup();
    });

    it('counts what comes before any marker as fenced', async () => {
      const coupon = aCoupon();
      await log.append(coupon, someAssignments(coupon.couponId, 3));
      await caughtUp(system, database);
      expect(await totals(database)).to.include({ applied: 0, fenced: 4 });
      expect(await database.db('coupons')).to.deep.equal([]);
      await log.startEpoch(3);
    });

    it('shows a coupon and its assignments', async () => {
      const coupon = aCoupon({ title: '선착순 🎟️', quantity: 5, perUserLimit: 2, epoch: 3 });
      const assignment = anAssignment(coupon.couponId, 1, { userId: '김민수', epoch: 3 });
      await log.append(coupon, assignment);
      await caughtUp(system, database);
      const [coupons, assignments] = await Promise.all([
        database.db('coupons').where({ id: coupon.couponId }),
        database.db('assignments').where({ id: assignment.assignmentId }),
      ]);
      expect(coupons.map(withoutPosition)).to.deep.equal([
        {
          id: coupon.couponId,
          title: '선착순 🎟️',
          quantity: 5,
          per_user_limit: 2,
          start_date: new Date(coupon.startDate),
          end_date: new Date(coupon.endDate),
          created_at: new Date(coupon.occurredAt),
          epoch: 3,
        },
      ]);
      expect(assignments.map(withoutPosition)).to.deep.equal([
        {
          id: assignment.assignmentId,
          coupon_id: coupon.couponId,
          user_id: '김민수',
          nth_of_user: 1,
          sequence: 1,
          assigned_at: new Date(assignment.occurredAt),
          epoch: 3,
        },
      ]);
      expect(await issuedOf(database, coupon.couponId)).to.deep.equal({ counter: 1, rows: 1 });
    });

    it('takes an assignment that comes before its coupon', async () => {
      const coupon = aCoupon({ epoch: 3 });
      await log.append(someAssignments(coupon.couponId, 2).map((a) => ({ ...a, epoch: 3 })));
      await caughtUp(system, database);
      expect(await issuedOf(database, coupon.couponId)).to.deep.equal({ counter: 2, rows: 2 });
      await log.append(coupon);
      await caughtUp(system, database);
      expect(await database.db('coupons').where({ id: coupon.couponId })).to.have.length(1);
      expect(await issuedOf(database, coupon.couponId)).to.deep.equal({ counter: 2, rows: 2 });
    });

    it('changes nothing when the same events come again, together or later', async () => {
      const coupon = aCoupon({ epoch: 3 });
      const events = someAssignments(coupon.couponId, 50).map((a) => ({ ...a, epoch: 3 }));
      const before = await totals(database);
      await log.append(coupon, events, coupon, events);
      await caughtUp(system, database);
      await log.append(events, coupon);
      await caughtUp(system, database);
      expect(await issuedOf(database, coupon.couponId)).to.deep.equal({ counter: 50, rows: 50 });
      const after = await totals(database);
      expect(after.applied - before.applied).to.equal(51);
      expect(after.repeated - before.repeated).to.equal(102);
    });

    it('skips and counts an event of an older epoch after a marker, in that partition alone', async () => {
      const coupon = aCoupon({ epoch: 3 });
      const before = await totals(database);
      const first = { topic: ASSIGN_TOPIC, partition: 0 };
      const second = { topic: ASSIGN_TOPIC, partition: 1 };
      await log.appendTo(first, marker(7));
      await log.appendTo(first, anAssignment(coupon.couponId, 1, { userId: 'late', epoch: 6 }));
      await log.appendTo(first, anAssignment(coupon.couponId, 2, { userId: 'in time', epoch: 7 }));
      await log.appendTo(
        second,
        anAssignment(coupon.couponId, 3, { userId: 'elsewhere', epoch: 3 }),
      );
      await caughtUp(system, database);
      const rows = await database
        .db('assignments')
        .where({ coupon_id: coupon.couponId })
        .orderBy('sequence');
      expect(rows.map((row) => row.user_id)).to.deep.equal(['in time', 'elsewhere']);
      const after = await totals(database);
      expect(after.fenced - before.fenced).to.equal(1);
      expect(after.markers - before.markers).to.equal(1);
    });

    it('takes the valid copy of an event whose fenced copy came first', async () => {
      const coupon = aCoupon({ epoch: 8 });
      const assignment = anAssignment(coupon.couponId, 1, { epoch: 8 });
      const place = { topic: ASSIGN_TOPIC, partition: 2 };
      await log.appendTo(place, marker(8), { ...assignment, epoch: 7 }, assignment);
      await caughtUp(system, database);
      expect(await issuedOf(database, coupon.couponId)).to.deep.equal({ counter: 1, rows: 1 });
    });

    it('accounts for every record exactly once', async () => {
      const sum = await totals(database);
      const { next_offset, ...parts } = sum;
      expect(Object.values(parts).reduce((a, b) => a + b)).to.equal(next_offset);
      expect(sum.dead_lettered).to.equal(0);
      const rows = await database.db('projection_checkpoints').orderBy(['topic', 'partition_id']);
      expect(rows.map((row) => [row.topic, row.partition_id, row.highest_marker])).to.deep.equal([
        [ASSIGN_TOPIC, 0, 7],
        [ASSIGN_TOPIC, 1, 3],
        [ASSIGN_TOPIC, 2, 8],
        [LIFECYCLE_TOPIC, 0, 3],
        [LIFECYCLE_TOPIC, 1, 3],
        [LIFECYCLE_TOPIC, 2, 3],
      ]);
    });

    it('commits to Kafka how far it is', async () => {
      const admin = kafkajsOf(system.kafka).admin();
      await admin.connect();
      try {
        await waitUntil("the group's offsets are the checkpoints", async () => {
          const groupId = `${system.topicPrefix}projector`;
          const offsets = await admin.fetchOffsets({
            groupId,
            topics: [LIFECYCLE_TOPIC, ASSIGN_TOPIC].map((topic) => system.topicPrefix + topic),
          });
          const sum = offsets
            .flatMap((t) => t.partitions)
            .reduce((n, p) => n + Number(p.offset), 0);
          return sum === (await totals(database)).next_offset;
        });
      } finally {
        await admin.disconnect();
      }
    });

    it('is live and ready, and logs no error', async () => {
      expect((await fetch(`${projector.url}/health/live`)).status).to.equal(200);
      expect((await fetch(`${projector.url}/health/ready`)).status).to.equal(200);
      expect(projector.noise).to.deep.equal([]);
      expect(
        projector.lines.filter(({ level }) => level === 'error' || level === 'fatal'),
      ).to.deep.equal([]);
    });
  });
}

/** A row without the place in the log that it was applied from, which is the walks' (query-api/walk.test.ts). */
function withoutPosition(row: Record<string, unknown>): object {
  const { applied_partition: _partition, applied_offset: _offset, ...rest } = row;
  return rest;
}
