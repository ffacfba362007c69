// Builds the facts of a made system step by step: each decision goes to the log, Redis and the tables.

import { topicPartitionOf } from '../../../contracts/position.ts';
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
} from '../../../verifier/facts.ts';

const NOW = Date.UTC(2026, 10, 22, 12);
const BEGAN_AT = NOW + 1_000_000;

/** What a made system is built from. */
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

type Oddity = SystemSpec['oddities'][number];
type Counter = 'applied' | 'repeated' | 'fenced' | 'markers' | 'deadLettered';
type Written = { event: CouponAssigned; partition: PartitionFacts; offset: number };

export class SystemBuilder {
  readonly assigned: CouponAssigned[] = [];
  readonly #facts = emptyFacts();
  #ids = 0;
  #epoch = 0;
  #last: Written | null = null;

  /** A new epoch begins: a marker in every partition, the gate, every coupon. */
  mark(epoch: number): void {
    this.#epoch = epoch;
    this.#facts.newestClaim = epoch;
    for (const partition of this.#facts.log) {
      const eventId = this.#newId();
      const marker: LogEvent = { type: 'EpochStarted', eventId, epoch, occurredAt: NOW };
      this.#append(partition, marker, 'markers');
    }
    const { redis } = this.#facts;
    redis.gateEpoch = epoch;
    for (const { state } of redis.coupons.values()) if (state !== null) state.epoch = epoch;
  }

  create(index: number, spec: SystemSpec['coupons'][number]): CouponCreated {
    const couponId = this.#newId();
    const event: CouponCreated = {
      type: 'CouponCreated',
      eventId: couponId,
      epoch: this.#epoch,
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
    this.#append(this.#partitionFor(LIFECYCLE_TOPIC), event, 'applied');
    const { title, quantity, startDate, endDate, perUserLimit, epoch } = event;
    const common = { title, quantity, startDate, endDate, perUserLimit, createdAt: NOW, epoch };
    this.#facts.tables.coupons.set(couponId, { ...common });
    this.#facts.redis.coupons.set(couponId, {
      state: { ...common, remaining: quantity, lastSequence: 0, pendingCreation: false },
      holders: new Map(),
      outbox: [],
      quarantined: [],
      steady: true,
    });
    return event;
  }

  /** @returns false when the user holds the limit, or nothing is left: nothing happens then */
  assign(coupon: CouponCreated, user: number): boolean {
    const decided = this.#decide(coupon, user);
    if (decided === null) return false;
    const { event } = decided;
    const partition = this.#partitionFor(ASSIGN_TOPIC);
    this.#last = { event, partition, offset: this.#append(partition, event, 'applied') };
    this.assigned.push(event);
    const { tables } = this.#facts;
    tables.assignments.set(event.assignmentId, {
      couponId: event.couponId,
      userId: event.userId,
      nthOfUser: event.nthOfUser,
      sequence: event.sequence,
      assignedAt: event.occurredAt,
      epoch: event.epoch,
    });
    tables.issued.set(event.couponId, (tables.issued.get(event.couponId) ?? 0) + 1);
    return true;
  }

  /** What else happens with the last assignment. */
  addOddity(oddity: Oddity): void {
    if (this.#last === null) return;
    const { event, partition, offset } = this.#last;
    const nameOf = (at: number): string =>
      positionOf(topicPartitionOf(partition.topic, partition.partition), at);
    switch (oddity) {
      case 'nothing':
        return;
      case 'repeat':
        this.#append(partition, event, 'repeated');
        return;
      case 'fenced stranger': {
        const id = this.#newId();
        this.#append(partition, { ...event, eventId: id, assignmentId: id, epoch: 1 }, 'fenced');
        return;
      }
      case 'fenced copy':
        this.#append(partition, { ...event, epoch: 1 }, 'fenced');
        return;
      case 'unreadable': {
        const dead = nameOf(this.#append(partition, null, 'deadLettered'));
        this.#facts.deadLetters.add(dead);
        this.#facts.tables.parked.add(dead);
        return;
      }
      case 'retried': {
        this.#facts.deadLetters.add(nameOf(offset));
        const checkpoint = this.#checkpointOf(partition);
        checkpoint.applied -= 1;
        checkpoint.deadLettered += 1;
      }
    }
  }

  /** The projection gets to the end of the log. */
  project(): void {
    const { log, projectionTarget, redis } = this.#facts;
    for (const partition of log) {
      const checkpoint = this.#checkpointOf(partition);
      checkpoint.nextOffset = partition.endOffset;
      checkpoint.highestMarker = this.#epoch;
      const topicPartition = topicPartitionOf(partition.topic, partition.partition);
      projectionTarget.set(topicPartition, partition.endOffset);
      redis.logEndsBefore.set(topicPartition, partition.endOffset);
    }
  }

  /** The facts so far, with the ledger of the clients of `watched`. */
  finish(watched: CouponCreated): SystemFacts {
    const accepted = this.assigned
      .filter(({ couponId }) => couponId === watched.couponId)
      .map(({ assignmentId, userId, sequence, occurredAt }) => ({
        assignmentId,
        userId,
        sequence,
        assignedAt: occurredAt,
      }));
    this.#facts.ledger = {
      couponId: watched.couponId,
      accepted,
      unknownUsers: new Set(),
      answers: accepted.flatMap((assignment, nth) => answersTo(assignment, nth)),
      clockDoubtMs: 0,
    };
    return this.#facts;
  }

  /** What came in while it was read: on its way to the log, or in it and nowhere else yet. */
  addTraffic(coupon: CouponCreated, { late, onTheWay }: SystemSpec): void {
    for (let user = 0; user < onTheWay; user += 1) {
      const decided = this.#decide(coupon, 100 + user);
      if (decided === null) continue;
      const { eventId } = decided.event;
      decided.coupon.outbox.push({ eventId, decidedAt: BEGAN_AT + user });
    }
    const partition = this.#partitionFor(ASSIGN_TOPIC);
    for (let user = 0; user < late; user += 1) {
      const event = this.#assignment(coupon.couponId, `late ${user}`, 1_000 + user, 1);
      partition.records.push({
        offset: partition.endOffset,
        event: { ...event, occurredAt: BEGAN_AT },
      });
      partition.endOffset += 1;
    }
  }

  #decide(
    { couponId, perUserLimit }: CouponCreated,
    user: number,
  ): { event: CouponAssigned; coupon: RedisCoupon } | null {
    const coupon = this.#facts.redis.coupons.get(couponId);
    const userId = `사용자 ${user}`;
    const held = coupon?.holders.get(userId) ?? [];
    if (coupon === undefined || coupon.state === null) return null;
    if (held.length >= perUserLimit || coupon.state.remaining === 0) return null;
    coupon.state.remaining -= 1;
    coupon.state.lastSequence += 1;
    const event = this.#assignment(couponId, userId, coupon.state.lastSequence, held.length + 1);
    const { assignmentId, sequence, occurredAt: assignedAt, nthOfUser } = event;
    held.push({ assignmentId, sequence, assignedAt, nthOfUser });
    coupon.holders.set(userId, held);
    return { event, coupon };
  }

  #assignment(
    couponId: string,
    userId: string,
    sequence: number,
    nthOfUser: number,
  ): CouponAssigned {
    const assignmentId = this.#newId();
    return {
      type: 'CouponAssigned',
      eventId: assignmentId,
      epoch: this.#epoch,
      occurredAt: NOW + this.#ids,
      idempotencyKey: null,
      requestHash: null,
      assignmentId,
      couponId,
      userId,
      sequence,
      nthOfUser,
    };
  }

  /** @returns its offset */
  #append(partition: PartitionFacts, event: LogEvent | null, counter: Counter): number {
    const offset = partition.endOffset;
    partition.records.push({ offset, event });
    partition.endOffset += 1;
    this.#checkpointOf(partition)[counter] += 1;
    return offset;
  }

  #partitionFor(topic: string): PartitionFacts {
    const { log } = this.#facts;
    const found = log.find((p) => p.topic === topic && p.partition === this.#ids % 3);
    if (found === undefined) throw new Error('no such partition');
    return found;
  }

  #checkpointOf(partition: PartitionFacts): CheckpointRow {
    const { log, tables } = this.#facts;
    const found = tables.checkpoints[log.indexOf(partition)];
    if (found === undefined) throw new Error('no such checkpoint');
    return found;
  }

  #newId(): string {
    this.#ids += 1;
    return `00000000-0000-4000-8000-${this.#ids.toString(16).padStart(12, '0')}`;
  }
}

function emptyFacts(): SystemFacts {
  const log: PartitionFacts[] = [LIFECYCLE_TOPIC, ASSIGN_TOPIC].flatMap((topic) =>
    [0, 1, 2].map((partition) => ({
      topic,
      partition,
      firstOffset: 0,
      endOffset: 0,
      records: [],
      vacant: [],
    })),
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
  return {
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
