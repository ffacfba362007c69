// Made systems for the verifier: a log, and the Redis, tables, dead letters and clients that go with
// it, all built from the same decisions and not by the code under test.
import fc from 'fast-check';
import { ASSIGN_TOPIC, LIFECYCLE_TOPIC } from '../../../contracts/topics.ts';
import type { CouponAssigned, CouponCreated, LogEvent } from '../../../domain/coupon-events.ts';
import {
  type AnsweredAssignment,
  type CheckpointRow,
  type ClientAnswer,
  type PartitionFacts,
  positionOf,
  type RedisCoupon,
  type SystemFacts,
  topicPartitionOf,
} from '../../../verifier/facts.ts';

export type SystemSpec = {
  coupons: { spare: number; perUserLimit: number; takers: number[] }[];
  /** After how many assignments a new epoch begins; null: never. */
  newEpochAfter: number | null;
  /** For the nth assignment: what else happens with it. */
  oddities: ('nothing' | 'repeat' | 'fenced stranger' | 'fenced copy' | 'unreadable' | 'retried')[];
  /** Assignments that were decided after Redis was read, and are not projected yet. */
  late: number;
  /** Assignments that are still on their way to the log. */
  onTheWay: number;
};

export type System = {
  facts: SystemFacts;
  /** The coupon whose clients kept a ledger. */
  watched: CouponCreated;
  /** Another one, of which user 0 holds two, and which has units left. */
  plain: CouponCreated;
  /** The assignments of `plain`, in the order of their sequence. */
  assigned: CouponAssigned[];
  /** Of `watched`. */
  watchedAssigned: CouponAssigned[];
};

const NOW = Date.UTC(2026, 10, 22, 12);
const BEGAN_AT = NOW + 1_000_000;

export const systemSpec: fc.Arbitrary<SystemSpec> = fc.record({
  coupons: fc.array(
    fc.record({
      spare: fc.integer({ min: 10, max: 20 }),
      perUserLimit: fc.integer({ min: 2, max: 4 }),
      takers: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 12 }),
    }),
    { minLength: 2, maxLength: 4 },
  ),
  newEpochAfter: fc.option(fc.integer({ min: 0, max: 10 })),
  oddities: fc.array(
    fc.constantFrom('nothing', 'repeat', 'fenced stranger', 'fenced copy', 'unreadable', 'retried'),
    { maxLength: 20 },
  ),
  late: fc.integer({ min: 0, max: 2 }),
  onTheWay: fc.integer({ min: 0, max: 2 }),
});

/** The system of a spec; the same one each time, and shared with nobody. */
export function buildSystem(spec: SystemSpec): System {
  const builder = createBuilder();
  builder.mark(4);
  const coupons = spec.coupons.map((coupon, index) => builder.create(index, coupon));
  // User 0 comes twice, so that every coupon has holders to hurt; nothing odd happens at first.
  const visits = coupons.flatMap((coupon, index) =>
    [0, 0, 6, 7, ...(spec.coupons[index]?.takers ?? [])].map((user, nthOfCoupon) => ({
      coupon,
      user,
      isFirst: nthOfCoupon === 0,
    })),
  );
  let nth = 0;
  for (const { coupon, user, isFirst } of visits) {
    if (nth === spec.newEpochAfter) builder.mark(9);
    if (!builder.assign(coupon, user)) continue;
    if (!isFirst) builder.addOddity(spec.oddities[nth] ?? 'nothing');
    nth += 1;
  }
  builder.project();
  const [watched, plain] = coupons;
  if (watched === undefined || plain === undefined) throw new Error('too few coupons');
  const facts = builder.finish(watched);
  const assignedOf = (couponId: string): CouponAssigned[] =>
    builder.assigned.filter((event) => event.couponId === couponId);
  const system: System = {
    facts,
    watched,
    plain,
    assigned: assignedOf(plain.couponId),
    watchedAssigned: assignedOf(watched.couponId),
  };
  builder.addTraffic(plain, spec);
  return system;
}

/** A partition of a system; there are three of each event topic. */
export function partitionOf(facts: SystemFacts, topic: string, partition: number): PartitionFacts {
  const found = facts.log.find((p) => p.topic === topic && p.partition === partition);
  if (found === undefined) throw new Error(`no ${topic}/${partition}`);
  return found;
}

/** The checkpoint of a partition of a system. */
export function checkpointOf(
  facts: SystemFacts,
  { topic, partition }: PartitionFacts,
): CheckpointRow {
  const found = facts.tables.checkpoints.find(
    (c) => c.topic === topic && c.partition === partition,
  );
  if (found === undefined) throw new Error(`no checkpoint of ${topic}/${partition}`);
  return found;
}

/** Where the event of an id is in the log. */
export function findRecord(
  facts: SystemFacts,
  eventId: string,
): { partition: PartitionFacts; index: number; offset: number } {
  for (const partition of facts.log) {
    const index = partition.records.findIndex(
      ({ event }) => event !== null && event.eventId === eventId,
    );
    const offset = partition.records[index]?.offset;
    if (offset !== undefined) return { partition, index, offset };
  }
  throw new Error(`no event ${eventId}`);
}

/** The coupon in Redis, which is there in a clean system. */
export function redisCouponOf(
  facts: SystemFacts,
  { couponId }: CouponCreated,
): RedisCoupon & { state: NonNullable<RedisCoupon['state']> } {
  const coupon = facts.redis.coupons.get(couponId);
  if (coupon === undefined || coupon.state === null) throw new Error(`no coupon ${couponId}`);
  return { ...coupon, state: coupon.state };
}

/** An id that no event of a system has. */
export function strangeId(): string {
  return 'ffffffff-0000-4000-8000-000000000000';
}

/** The second of two users asked again; each asked under a key of its own. */
function answersTo(assignment: AnsweredAssignment, nth: number): ClientAnswer[] {
  const { assignmentId, userId, assignedAt } = assignment;
  const first: ClientAnswer = {
    userId,
    key: `key of ${assignmentId}`,
    sentAt: assignedAt - 1,
    answeredAt: assignedAt + 2,
    kind: 'accepted',
    assignment,
    replayed: false,
  };
  const again = {
    ...first,
    assignment: { ...assignment },
    replayed: true,
    answeredAt: assignedAt + 3,
  };
  return nth % 2 === 0 ? [first] : [again, first];
}

type Oddity = SystemSpec['oddities'][number];

function createBuilder() {
  let ids = 0;
  let epoch = 0;
  const newId = (): string => {
    ids += 1;
    return `00000000-0000-4000-8000-${ids.toString(16).padStart(12, '0')}`;
  };
  const log: PartitionFacts[] = [LIFECYCLE_TOPIC, ASSIGN_TOPIC].flatMap((topic) =>
    [0, 1, 2].map((partition) => ({ topic, partition, firstOffset: 0, endOffset: 0, records: [] })),
  );
  const checkpoints: CheckpointRow[] = log.map(({ topic, partition }) => ({
    topic,
    partition,
    nextOffset: 0,
    highestMarker: null,
    applied: 0,
    repeated: 0,
    fenced: 0,
    markers: 0,
    deadLettered: 0,
  }));
  type Counter = 'applied' | 'repeated' | 'fenced' | 'markers' | 'deadLettered';
  const append = (partition: PartitionFacts, event: LogEvent | null, counter: Counter): number => {
    const offset = partition.endOffset;
    partition.records.push({ offset, event });
    partition.endOffset += 1;
    const checkpoint = checkpoints[log.indexOf(partition)];
    if (checkpoint !== undefined) checkpoint[counter] += 1;
    return offset;
  };
  const partitionFor = (topic: string): PartitionFacts => {
    const partition = log.find((p) => p.topic === topic && p.partition === ids % 3);
    if (partition === undefined) throw new Error('no such partition');
    return partition;
  };
  const facts: SystemFacts = {
    couponId: null,
    newestClaim: null,
    log,
    projectionTarget: new Map(),
    redis: { beganAt: BEGAN_AT, logEndsBefore: new Map(), gateEpoch: null, coupons: new Map() },
    tables: {
      coupons: new Map(),
      issued: new Map(),
      assignments: new Map(),
      checkpoints,
      parked: new Set(),
    },
    deadLetters: new Set(),
    refused: new Set(),
    ledger: null,
  };
  const assigned: CouponAssigned[] = [];
  let last: { event: CouponAssigned; partition: PartitionFacts; offset: number } | null = null;

  const decide = ({ couponId, perUserLimit }: CouponCreated, user: number) => {
    const coupon = facts.redis.coupons.get(couponId);
    const userId = `사용자 ${user}`;
    const held = coupon?.holders.get(userId) ?? [];
    if (coupon === undefined || coupon.state === null) return null;
    if (held.length >= perUserLimit || coupon.state.remaining === 0) return null;
    coupon.state.remaining -= 1;
    coupon.state.lastSequence += 1;
    const assignmentId = newId();
    const event: CouponAssigned = {
      type: 'CouponAssigned',
      eventId: assignmentId,
      epoch,
      occurredAt: NOW + ids,
      idempotencyKey: null,
      requestHash: null,
      assignmentId,
      couponId,
      userId,
      sequence: coupon.state.lastSequence,
      nthOfUser: held.length + 1,
    };
    const { sequence, occurredAt: assignedAt, nthOfUser } = event;
    held.push({ assignmentId, sequence, assignedAt, nthOfUser });
    coupon.holders.set(userId, held);
    return { event, coupon };
  };

  return {
    assigned,

    /** A new epoch begins: a marker in every partition, the gate, every coupon. */
    mark(next: number): void {
      epoch = next;
      facts.newestClaim = epoch;
      for (const partition of log) {
        append(
          partition,
          { type: 'EpochStarted', eventId: newId(), epoch, occurredAt: NOW },
          'markers',
        );
      }
      facts.redis.gateEpoch = epoch;
      for (const { state } of facts.redis.coupons.values()) if (state !== null) state.epoch = epoch;
    },

    create(index: number, spec: SystemSpec['coupons'][number]): CouponCreated {
      const couponId = newId();
      const event: CouponCreated = {
        type: 'CouponCreated',
        eventId: couponId,
        epoch,
        occurredAt: NOW,
        idempotencyKey: null,
        requestHash: null,
        couponId,
        title: `쿠폰 ${index}`,
        quantity: 4 + spec.takers.length + spec.spare,
        startDate: NOW,
        endDate: NOW + 86_400_000,
        perUserLimit: spec.perUserLimit,
      };
      append(partitionFor(LIFECYCLE_TOPIC), event, 'applied');
      const { title, quantity, startDate, endDate, perUserLimit } = event;
      const common = { title, quantity, startDate, endDate, perUserLimit, createdAt: NOW, epoch };
      facts.tables.coupons.set(couponId, { ...common });
      facts.redis.coupons.set(couponId, {
        state: { ...common, remaining: quantity, lastSequence: 0, pendingCreation: false },
        holders: new Map(),
        outbox: [],
        quarantined: [],
        steady: true,
      });
      return event;
    },

    assign(coupon: CouponCreated, user: number): boolean {
      const decided = decide(coupon, user);
      if (decided === null) return false;
      const { event } = decided;
      const partition = partitionFor(ASSIGN_TOPIC);
      last = { event, partition, offset: append(partition, event, 'applied') };
      assigned.push(event);
      facts.tables.assignments.set(event.assignmentId, {
        couponId: event.couponId,
        userId: event.userId,
        nthOfUser: event.nthOfUser,
        sequence: event.sequence,
        assignedAt: event.occurredAt,
        epoch: event.epoch,
      });
      const issued = facts.tables.issued.get(event.couponId) ?? 0;
      facts.tables.issued.set(event.couponId, issued + 1);
      return true;
    },

    addOddity(oddity: Oddity): void {
      if (last === null) return;
      const { event, partition, offset } = last;
      switch (oddity) {
        case 'nothing':
          return;
        case 'repeat':
          append(partition, event, 'repeated');
          return;
        case 'fenced stranger': {
          const id = newId();
          append(partition, { ...event, eventId: id, assignmentId: id, epoch: 1 }, 'fenced');
          return;
        }
        case 'fenced copy':
          append(partition, { ...event, epoch: 1 }, 'fenced');
          return;
        case 'unreadable': {
          const dead = append(partition, null, 'deadLettered');
          facts.deadLetters.add(
            positionOf(topicPartitionOf(partition.topic, partition.partition), dead),
          );
          facts.tables.parked.add(
            positionOf(topicPartitionOf(partition.topic, partition.partition), dead),
          );
          return;
        }
        case 'retried': {
          facts.deadLetters.add(
            positionOf(topicPartitionOf(partition.topic, partition.partition), offset),
          );
          const checkpoint = checkpoints[log.indexOf(partition)];
          if (checkpoint === undefined) return;
          checkpoint.applied -= 1;
          checkpoint.deadLettered += 1;
        }
      }
    },

    /** The projection gets to the end of the log. */
    project(): void {
      for (const [index, { topic, partition, endOffset }] of log.entries()) {
        const checkpoint = checkpoints[index];
        if (checkpoint === undefined) continue;
        checkpoint.nextOffset = endOffset;
        checkpoint.highestMarker = epoch;
        facts.projectionTarget.set(topicPartitionOf(topic, partition), endOffset);
        facts.redis.logEndsBefore.set(topicPartitionOf(topic, partition), endOffset);
      }
    },

    finish(watched: CouponCreated): SystemFacts {
      const accepted = assigned
        .filter(({ couponId }) => couponId === watched.couponId)
        .map(({ assignmentId, userId, sequence, occurredAt }) => ({
          assignmentId,
          userId,
          sequence,
          assignedAt: occurredAt,
        }));
      facts.ledger = {
        couponId: watched.couponId,
        accepted,
        unknownUsers: new Set(),
        answers: accepted.flatMap((assignment, nth) => answersTo(assignment, nth)),
        clockDoubtMs: 0,
      };
      return facts;
    },

    /** What came in while it was read: on its way to the log, or in it and nowhere else yet. */
    addTraffic(coupon: CouponCreated, { late, onTheWay }: SystemSpec): void {
      for (let user = 0; user < onTheWay; user += 1) {
        const decided = decide(coupon, 100 + user);
        if (decided === null) continue;
        const { eventId } = decided.event;
        decided.coupon.outbox.push({ eventId, decidedAt: BEGAN_AT + user });
      }
      const partition = partitionFor(ASSIGN_TOPIC);
      for (let user = 0; user < late; user += 1) {
        const id = newId();
        partition.records.push({
          offset: partition.endOffset,
          event: {
            type: 'CouponAssigned',
            eventId: id,
            epoch,
            occurredAt: BEGAN_AT,
            idempotencyKey: null,
            requestHash: null,
            assignmentId: id,
            couponId: coupon.couponId,
            userId: `late ${user}`,
            sequence: 1_000 + user,
            nthOfUser: 1,
          },
        });
        partition.endOffset += 1;
      }
    },
  };
}
