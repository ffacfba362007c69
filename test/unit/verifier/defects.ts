// What can be wrong in a made world, and which invariants must say so.
import type { CouponCreated } from '../../../domain/coupon-events.ts';
import { ASSIGN_TOPIC } from '../../../domain/topics.ts';
import {
  type AssignmentRow,
  type CouponRow,
  type Facts,
  placeOf,
  positionOf,
} from '../../../verifier/facts.ts';
import {
  checkpointOf,
  findRecord,
  partitionOf,
  redisCouponOf,
  strangeId,
  type World,
} from './world.ts';

type Defect = {
  name: string;
  /** The invariants that it breaks, and no others. */
  breaks: number[];
  plant: (world: World) => void;
};

/** One of each kind. */
export const DEFECTS: Defect[] = [
  ...inTheWhole(),
  ...inTheLog(),
  ...inTheTables(),
  ...inRedis(),
  ...inDeadLetters(),
  ...atTheClient(),
];

function first<T>(list: readonly T[]): T {
  const [found] = list;
  if (found === undefined) throw new Error('nothing there');
  return found;
}

function rowOf({ facts, assigned }: World): AssignmentRow {
  const row = facts.tables.assignments.get(first(assigned).assignmentId);
  if (row === undefined) throw new Error('no row');
  return row;
}

function couponRowOf(facts: Facts, { couponId }: CouponCreated): CouponRow {
  const row = facts.tables.coupons.get(couponId);
  if (row === undefined) throw new Error('no coupon');
  return row;
}

function addRow({ facts, plain }: World, id: string, columns: Partial<AssignmentRow>): void {
  facts.tables.assignments.set(id, {
    couponId: plain.couponId,
    userId: 'nobody',
    nthOfUser: 1,
    sequence: 5_000,
    assignedAt: plain.occurredAt,
    epoch: plain.epoch,
    ...columns,
  });
  addIssued({ facts, plain }, 1);
}

function addIssued({ facts, plain }: Pick<World, 'facts' | 'plain'>, more: number): void {
  const issued = facts.tables.issued.get(plain.couponId) ?? 0;
  facts.tables.issued.set(plain.couponId, issued + more);
}

/** Everybody agrees, and it is wrong. */
function inTheWhole(): Defect[] {
  return [
    {
      name: 'one unit more than the quantity',
      breaks: [1],
      plant: ({ facts, plain }) => {
        const { state, holders } = redisCouponOf(facts, plain);
        const quantity = [...holders.values()].flat().length - 1;
        state.remaining = -1;
        for (const holder of [plain, state, couponRowOf(facts, plain)]) holder.quantity = quantity;
      },
    },
    {
      name: 'one unit more to a user than the limit',
      breaks: [2],
      plant: ({ facts, plain }) => {
        const { state } = redisCouponOf(facts, plain);
        for (const holder of [plain, state, couponRowOf(facts, plain)]) holder.perUserLimit = 1;
      },
    },
    {
      name: 'one unit given twice',
      breaks: [1],
      plant: ({ facts, plain, assigned: [one, other] }) => {
        if (one === undefined || other === undefined) throw new Error('too few');
        other.sequence = one.sequence;
        const row = facts.tables.assignments.get(other.assignmentId);
        if (row !== undefined) row.sequence = one.sequence;
        for (const held of redisCouponOf(facts, plain).holders.get(other.userId) ?? []) {
          if (held.assignmentId === other.assignmentId) held.sequence = one.sequence;
        }
      },
    },
  ];
}

function inTheLog(): Defect[] {
  return [
    {
      name: 'an event that the log lost',
      breaks: [4, 5],
      plant: ({ facts, assigned }) => {
        const { eventId } = first(assigned);
        for (const partition of facts.log) {
          partition.records = partition.records.filter(({ event }) => event?.eventId !== eventId);
        }
      },
    },
    {
      name: 'an event that nobody decided, applied',
      breaks: [4],
      plant: (world) => {
        const { facts, assigned, plain } = world;
        const { partition } = findRecord(facts, first(assigned).eventId);
        const checkpoint = checkpointOf(facts, partition);
        const event = {
          ...first(assigned),
          eventId: strangeId(),
          assignmentId: strangeId(),
          userId: 'nobody',
          sequence: 5_000,
          nthOfUser: 1,
          epoch: facts.redis.gateEpoch ?? 0,
        };
        const at = checkpoint.nextOffset;
        partition.records = partition.records.filter(({ offset }) => offset < at);
        partition.records.push({ offset: at, event });
        partition.endOffset = at + 1;
        checkpoint.nextOffset = at + 1;
        checkpoint.applied += 1;
        facts.redis.logEndsBefore.set(`${partition.topic}/${partition.partition}`, at + 1);
        addRow(world, strangeId(), {
          couponId: plain.couponId,
          sequence: 5_000,
          assignedAt: event.occurredAt,
          epoch: event.epoch,
        });
      },
    },
    {
      name: 'assignments of a coupon whose creation the log lost',
      breaks: [1, 4, 5],
      plant: ({ facts, plain }) => {
        const { partition, index } = findRecord(facts, plain.eventId);
        partition.records.splice(index, 1);
      },
    },
    {
      name: 'a user who got the same number twice',
      breaks: [2, 5],
      plant: ({ facts, plain, assigned: [one, other] }) => {
        if (one === undefined || other === undefined) throw new Error('too few');
        other.nthOfUser = one.nthOfUser;
        for (const held of redisCouponOf(facts, plain).holders.get(other.userId) ?? []) {
          if (held.assignmentId === other.assignmentId) held.nthOfUser = one.nthOfUser;
        }
      },
    },
  ];
}

function inTheTables(): Defect[] {
  return [
    {
      name: 'a row that is missing',
      breaks: [5, 7, 8],
      plant: ({ facts, plain, assigned }) => {
        const { eventId } = first(assigned);
        facts.tables.assignments.delete(eventId);
        addIssued({ facts, plain }, -1);
      },
    },
    {
      name: 'a coupon that is missing',
      breaks: [5, 7, 8],
      plant: ({ facts, plain }) => void facts.tables.coupons.delete(plain.couponId),
    },
    {
      name: 'a row that follows from nothing',
      breaks: [5],
      plant: (world) => addRow(world, strangeId(), {}),
    },
    {
      name: 'rows beyond the quantity',
      breaks: [1, 5],
      plant: (world) => {
        for (let i = 0; i < world.plain.quantity; i += 1) {
          addRow(world, `${strangeId()}${i}`, { userId: `nobody ${i}`, sequence: 5_000 + i });
        }
      },
    },
    {
      name: 'rows beyond the limit of a user',
      breaks: [2, 5],
      plant: (world) => {
        const { userId } = first(world.assigned);
        for (const n of [50, 51, 52]) {
          addRow(world, `${strangeId()}${n}`, { userId, nthOfUser: n, sequence: 5_000 + n });
        }
      },
    },
    {
      name: 'a row that says another epoch',
      breaks: [5],
      plant: (world) => {
        rowOf(world).epoch += 1;
      },
    },
    {
      name: 'a row of another time',
      breaks: [5],
      plant: (world) => {
        rowOf(world).assignedAt += 1;
      },
    },
    {
      name: 'a counter that is one too high',
      breaks: [5],
      plant: (world) => addIssued(world, 1),
    },
    {
      name: 'a checkpoint past the end of its partition',
      breaks: [7, 8],
      plant: ({ facts }) => {
        const partition = partitionOf(facts, 'coupon-lifecycle', 0);
        checkpointOf(facts, partition).nextOffset = partition.endOffset + 1;
      },
    },
    {
      name: 'a projection that stays behind',
      breaks: [5],
      plant: ({ facts }) => {
        const partition = partitionOf(facts, ASSIGN_TOPIC, 1);
        const place = `${partition.topic}/${partition.partition}`;
        facts.projectionTarget.set(place, (facts.projectionTarget.get(place) ?? 0) + 1);
      },
    },
    {
      name: 'a row that was applied ahead of the checkpoint',
      breaks: [5],
      plant: (world) => {
        const { facts, assigned } = world;
        const { partition } = findRecord(facts, first(assigned).eventId);
        const event = {
          ...first(assigned),
          eventId: strangeId(),
          assignmentId: strangeId(),
          userId: 'early',
          sequence: 5_000,
          nthOfUser: 1,
          epoch: facts.redis.gateEpoch ?? 0,
        };
        partition.records.push({ offset: partition.endOffset, event });
        partition.endOffset += 1;
        addRow(world, strangeId(), { userId: 'early', epoch: event.epoch });
      },
    },
    {
      name: 'a checkpoint that forgot the marker',
      breaks: [7],
      plant: ({ facts }) => {
        checkpointOf(facts, partitionOf(facts, ASSIGN_TOPIC, 2)).highestMarker = null;
      },
    },
    {
      name: 'a checkpoint of a partition that does not exist',
      breaks: [7, 8],
      plant: ({ facts }) => {
        const checkpoint = checkpointOf(facts, partitionOf(facts, ASSIGN_TOPIC, 2));
        facts.tables.checkpoints.push({ ...checkpoint, partition: 3 });
      },
    },
    {
      name: 'counters that take an applied record for a void one',
      breaks: [8],
      plant: ({ facts }) => {
        const checkpoint = checkpointOf(facts, partitionOf(facts, ASSIGN_TOPIC, 0));
        checkpoint.applied -= 1;
        checkpoint.voided += 1;
      },
    },
    {
      name: 'counters that take a marker for an applied record',
      breaks: [8],
      plant: ({ facts }) => {
        const checkpoint = checkpointOf(facts, partitionOf(facts, ASSIGN_TOPIC, 0));
        checkpoint.applied += 1;
        checkpoint.markers -= 1;
      },
    },
    {
      name: 'counters that missed a record',
      breaks: [8],
      plant: ({ facts }) => {
        checkpointOf(facts, partitionOf(facts, ASSIGN_TOPIC, 0)).applied -= 1;
      },
    },
    {
      name: 'a row from an event that is void',
      breaks: [5, 8],
      plant: (world) => {
        const { facts, assigned } = world;
        const { partition } = findRecord(facts, first(assigned).eventId);
        const checkpoint = checkpointOf(facts, partition);
        partition.records = partition.records.filter(
          ({ offset }) => offset < checkpoint.nextOffset,
        );
        partition.records.push({
          offset: checkpoint.nextOffset,
          event: { ...first(assigned), eventId: strangeId(), assignmentId: strangeId(), epoch: 1 },
        });
        checkpoint.nextOffset += 1;
        checkpoint.voided += 1;
        partition.endOffset = checkpoint.nextOffset;
        addRow(world, strangeId(), {});
      },
    },
  ];
}

function inRedis(): Defect[] {
  const stateOf = ({ facts, plain }: World) => redisCouponOf(facts, plain).state;
  return [
    {
      name: 'a unit that leaked',
      breaks: [4],
      plant: (w) => {
        stateOf(w).remaining -= 1;
      },
    },
    {
      name: 'a unit too many in stock',
      breaks: [4],
      plant: (w) => {
        stateOf(w).remaining += 1;
      },
    },
    {
      name: 'stock below zero',
      breaks: [1, 4],
      plant: (w) => {
        stateOf(w).remaining = -1;
      },
    },
    {
      name: 'a coupon of another epoch',
      breaks: [4],
      plant: (w) => {
        stateOf(w).epoch -= 1;
      },
    },
    {
      name: 'another title',
      breaks: [4],
      plant: (w) => {
        stateOf(w).title = '다른 쿠폰';
      },
    },
    {
      name: 'another end',
      breaks: [4],
      plant: (w) => {
        stateOf(w).endDate += 1;
      },
    },
    {
      name: 'a last sequence that was given before',
      breaks: [4],
      plant: (w) => {
        stateOf(w).lastSequence = 1;
      },
    },
    {
      name: 'no gate',
      breaks: [4],
      plant: ({ facts }) => {
        facts.redis.gateEpoch = null;
      },
    },
    {
      name: 'a coupon that Redis lost',
      breaks: [4],
      plant: ({ facts, plain }) => void facts.redis.coupons.delete(plain.couponId),
    },
    {
      name: 'a coupon that only Redis knows',
      breaks: [4],
      plant: ({ facts, plain }) => {
        const { state } = redisCouponOf(facts, plain);
        facts.redis.coupons.set(strangeId(), {
          state: { ...state, remaining: state.quantity },
          holders: new Map(),
          outbox: [],
          steady: true,
        });
      },
    },
    {
      name: 'a name without a coupon, as after a refused creation,',
      breaks: [],
      plant: ({ facts }) => {
        facts.redis.coupons.set(strangeId(), {
          state: null,
          holders: new Map(),
          outbox: [],
          steady: true,
        });
      },
    },
    {
      name: 'a pending creation that is in no outbox',
      breaks: [4],
      plant: (w) => {
        stateOf(w).pendingCreation = true;
      },
    },
    {
      name: 'an event that stays in the outbox',
      breaks: [4],
      plant: ({ facts, plain, assigned }) => {
        const { outbox } = redisCouponOf(facts, plain);
        outbox.push({ eventId: first(assigned).eventId, decidedAt: facts.redis.beganAt - 1 });
      },
    },
    {
      name: 'a holder that was forgotten',
      breaks: [4],
      plant: (world) => {
        const { holders } = redisCouponOf(world.facts, world.plain);
        holders.delete(first(world.assigned).userId);
      },
    },
    {
      name: 'a holder without an event',
      breaks: [4],
      plant: (world) => {
        const { holders } = redisCouponOf(world.facts, world.plain);
        holders.set('nobody', [
          { assignmentId: strangeId(), sequence: 5_000, assignedAt: 1, nthOfUser: 1 },
        ]);
        stateOf(world).remaining -= 1;
      },
    },
    {
      name: 'a holder of another unit',
      breaks: [4],
      plant: ({ facts, plain, assigned }) => {
        const { holders } = redisCouponOf(facts, plain);
        for (const held of holders.get(first(assigned).userId) ?? []) held.sequence += 7_000;
      },
    },
    {
      name: 'a holder whose assignment has another number',
      breaks: [4],
      plant: ({ facts, plain, assigned }) => {
        const { holders } = redisCouponOf(facts, plain);
        for (const held of holders.get(first(assigned).userId) ?? []) held.nthOfUser = 9;
      },
    },
    {
      name: 'a holder beyond the limit',
      breaks: [2, 4],
      plant: (world) => {
        const { holders } = redisCouponOf(world.facts, world.plain);
        const { userId } = first(world.assigned);
        const held = [0, 1, 2].map((i) => ({
          assignmentId: `${strangeId()}${i}`,
          sequence: 5_000 + i,
          assignedAt: 1,
          nthOfUser: 50 + i,
        }));
        holders.set(userId, [...(holders.get(userId) ?? []), ...held]);
        stateOf(world).remaining -= 3;
      },
    },
  ];
}

function inDeadLetters(): Defect[] {
  return [
    {
      name: 'a record that can not be read, and no dead letter',
      breaks: [8],
      plant: ({ facts, assigned }) => {
        const { partition } = findRecord(facts, first(assigned).eventId);
        const checkpoint = checkpointOf(facts, partition);
        partition.records = partition.records.filter(
          ({ offset }) => offset < checkpoint.nextOffset,
        );
        partition.records.push({ offset: checkpoint.nextOffset, event: null });
        checkpoint.nextOffset += 1;
        checkpoint.applied += 1;
        partition.endOffset = checkpoint.nextOffset;
      },
    },
    {
      name: 'a marker in the dead letters',
      breaks: [8],
      plant: ({ facts }) => void facts.deadLetters.add(positionOf(placeOf(ASSIGN_TOPIC, 0), 0)),
    },
    {
      name: 'an applied record that waits for an operator',
      breaks: [8],
      plant: ({ facts, assigned }) => {
        const { partition, offset } = findRecord(facts, first(assigned).eventId);
        facts.tables.parked.add(positionOf(placeOf(partition.topic, partition.partition), offset));
      },
    },
    {
      name: 'a dead letter that was counted and is not there',
      breaks: [8],
      plant: ({ facts }) => {
        const partition = partitionOf(facts, 'coupon-lifecycle', 1);
        const checkpoint = checkpointOf(facts, partition);
        checkpoint.deadLettered += 1;
        checkpoint.applied -= 1;
      },
    },
    {
      name: 'an event that waits for an operator, without a row,',
      breaks: [],
      plant: ({ facts, plain, assigned }) => {
        const { eventId } = first(assigned);
        const { partition, offset } = findRecord(facts, eventId);
        const position = positionOf(placeOf(partition.topic, partition.partition), offset);
        facts.deadLetters.add(position);
        facts.tables.parked.add(position);
        facts.tables.assignments.delete(eventId);
        addIssued({ facts, plain }, -1);
      },
    },
  ];
}

function atTheClient(): Defect[] {
  const ledgerOf = ({ facts }: World) => {
    if (facts.ledger === null) throw new Error('no ledger');
    return facts.ledger;
  };
  return [
    {
      name: 'a client who was told of what never happened',
      breaks: [3],
      plant: (world) => {
        const { accepted } = ledgerOf(world);
        accepted.push({ ...first(accepted), assignmentId: strangeId() });
      },
    },
    {
      name: 'a client who was told another unit',
      breaks: [3],
      plant: (world) => {
        first(ledgerOf(world).accepted).sequence += 1;
      },
    },
    {
      name: 'an assignment of which no client was told',
      breaks: [3],
      plant: (world) => void ledgerOf(world).accepted.pop(),
    },
    {
      name: 'an assignment of a user who was never answered',
      breaks: [],
      plant: (world) => {
        const ledger = ledgerOf(world);
        const untold = ledger.accepted.pop();
        if (untold !== undefined) ledger.unknownUsers.add(untold.userId);
      },
    },
    {
      name: 'an assignment that was told to two requests',
      breaks: [3],
      plant: (world) => {
        const { accepted } = ledgerOf(world);
        accepted.push({ ...first(accepted) });
      },
    },
    {
      name: 'a row of what a client was told that is missing',
      breaks: [3, 5, 7, 8],
      plant: ({ facts, watched, watchedAssigned }) => {
        const { eventId } = first(watchedAssigned);
        facts.tables.assignments.delete(eventId);
        addIssued({ facts, plain: watched }, -1);
      },
    },
  ];
}
