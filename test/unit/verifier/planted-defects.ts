// What can be wrong in a made system, and which invariants must say so.

import { ASSIGN_TOPIC } from '../../../contracts/topics.ts';
import type { CouponAssigned, CouponCreated } from '../../../domain/coupon-events.ts';
import {
  type AssignmentRow,
  type ClientAnswer,
  type ClientLedger,
  type CouponRow,
  positionOf,
  type SystemFacts,
  topicPartitionOf,
} from '../../../verifier/facts.ts';
import {
  checkpointOf,
  findRecord,
  partitionOf,
  redisCouponOf,
  type System,
  strangeId,
} from './fixture-system.ts';

type Defect = {
  name: string;
  /** The invariants that it breaks, and no others. */
  breaks: number[];
  plant: (system: System) => void;
};

/** One of each kind. */
export const DEFECTS: Defect[] = [
  ...inTheWhole(),
  ...inTheLog(),
  ...inTheTables(),
  ...inRedis(),
  ...inDeadLetters(),
  ...atTheClient(),
  ...inAnswers(),
  ...inRefusals(),
  ...inTransitions(),
];

function first<T>(list: readonly T[]): T {
  const [found] = list;
  if (found === undefined) throw new Error('nothing there');
  return found;
}

function rowOf({ facts, assigned }: System): AssignmentRow {
  const row = facts.tables.assignments.get(first(assigned).assignmentId);
  if (row === undefined) throw new Error('no row');
  return row;
}

function couponRowOf(facts: SystemFacts, { couponId }: CouponCreated): CouponRow {
  const row = facts.tables.coupons.get(couponId);
  if (row === undefined) throw new Error('no coupon');
  return row;
}

function addRow({ facts, plain }: System, id: string, columns: Partial<AssignmentRow>): void {
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

function addIssued({ facts, plain }: Pick<System, 'facts' | 'plain'>, more: number): void {
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
        // The earlier gets the later one's: else a sequence would be missing where an epoch begins.
        one.sequence = other.sequence;
        const row = facts.tables.assignments.get(one.assignmentId);
        if (row !== undefined) row.sequence = one.sequence;
        for (const held of redisCouponOf(facts, plain).holders.get(one.userId) ?? []) {
          if (held.assignmentId === one.assignmentId) held.sequence = one.sequence;
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
      plant: (system) => {
        const { facts, assigned, plain } = system;
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
        addRow(system, strangeId(), {
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
      plant: (system) => addRow(system, strangeId(), {}),
    },
    {
      name: 'rows beyond the quantity',
      breaks: [1, 5],
      plant: (system) => {
        for (let i = 0; i < system.plain.quantity; i += 1) {
          addRow(system, `${strangeId()}${i}`, { userId: `nobody ${i}`, sequence: 5_000 + i });
        }
      },
    },
    {
      name: 'rows beyond the limit of a user',
      breaks: [2, 5],
      plant: (system) => {
        const { userId } = first(system.assigned);
        for (const n of [50, 51, 52]) {
          addRow(system, `${strangeId()}${n}`, { userId, nthOfUser: n, sequence: 5_000 + n });
        }
      },
    },
    {
      name: 'a row that says another epoch',
      breaks: [5],
      plant: (system) => {
        rowOf(system).epoch += 1;
      },
    },
    {
      name: 'a row of another time',
      breaks: [5],
      plant: (system) => {
        rowOf(system).assignedAt += 1;
      },
    },
    {
      name: 'a counter that is one too high',
      breaks: [5],
      plant: (system) => addIssued(system, 1),
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
      plant: (system) => {
        const { facts, assigned } = system;
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
        addRow(system, strangeId(), { userId: 'early', epoch: event.epoch });
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
      name: 'counters that take an applied record for a fenced one',
      breaks: [8],
      plant: ({ facts }) => {
        const checkpoint = checkpointOf(facts, partitionOf(facts, ASSIGN_TOPIC, 0));
        checkpoint.applied -= 1;
        checkpoint.fenced += 1;
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
      name: 'a row from an event that is fenced',
      breaks: [5, 8],
      plant: (system) => {
        const { facts, assigned } = system;
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
        checkpoint.fenced += 1;
        partition.endOffset = checkpoint.nextOffset;
        addRow(system, strangeId(), {});
      },
    },
  ];
}

function inRedis(): Defect[] {
  const stateOf = ({ facts, plain }: System) => redisCouponOf(facts, plain).state;
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
          quarantined: [],
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
          quarantined: [],
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
      name: 'a refused event that left the outbox and is no dead letter',
      breaks: [4],
      plant: ({ facts, plain }) => {
        redisCouponOf(facts, plain).quarantined.push(strangeId());
      },
    },
    {
      name: 'a refused event that left the outbox as a dead letter, and keeps its unit,',
      breaks: [],
      plant: ({ facts, plain }) => {
        const { state, holders, quarantined } = redisCouponOf(facts, plain);
        const assignmentId = strangeId();
        const sequence = state.lastSequence + 1;
        const held = { assignmentId, sequence, assignedAt: state.createdAt, nthOfUser: 1 };
        holders.set('refused', [held]);
        state.remaining -= 1;
        state.lastSequence = sequence;
        quarantined.push(assignmentId);
        facts.refused.add(assignmentId);
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
      plant: (system) => {
        const { holders } = redisCouponOf(system.facts, system.plain);
        holders.delete(first(system.assigned).userId);
      },
    },
    {
      name: 'a holder without an event',
      breaks: [4],
      plant: (system) => {
        const { holders } = redisCouponOf(system.facts, system.plain);
        holders.set('nobody', [
          { assignmentId: strangeId(), sequence: 5_000, assignedAt: 1, nthOfUser: 1 },
        ]);
        stateOf(system).remaining -= 1;
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
      plant: (system) => {
        const { holders } = redisCouponOf(system.facts, system.plain);
        const { userId } = first(system.assigned);
        const held = [0, 1, 2].map((i) => ({
          assignmentId: `${strangeId()}${i}`,
          sequence: 5_000 + i,
          assignedAt: 1,
          nthOfUser: 50 + i,
        }));
        holders.set(userId, [...(holders.get(userId) ?? []), ...held]);
        stateOf(system).remaining -= 3;
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
      plant: ({ facts }) =>
        void facts.deadLetters.add(positionOf(topicPartitionOf(ASSIGN_TOPIC, 0), 0)),
    },
    {
      name: 'an applied record that waits for an operator',
      breaks: [8],
      plant: ({ facts, assigned }) => {
        const { partition, offset } = findRecord(facts, first(assigned).eventId);
        facts.tables.parked.add(
          positionOf(topicPartitionOf(partition.topic, partition.partition), offset),
        );
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
        const position = positionOf(topicPartitionOf(partition.topic, partition.partition), offset);
        facts.deadLetters.add(position);
        facts.tables.parked.add(position);
        facts.tables.assignments.delete(eventId);
        addIssued({ facts, plain }, -1);
      },
    },
  ];
}

function ledgerOf({ facts }: System): ClientLedger {
  if (facts.ledger === null) throw new Error('no ledger');
  return facts.ledger;
}

function atTheClient(): Defect[] {
  return [
    {
      name: 'an answer about an assignment that never happened',
      breaks: [3],
      plant: (system) => {
        const { accepted } = ledgerOf(system);
        accepted.push({ ...first(accepted), assignmentId: strangeId() });
      },
    },
    {
      name: 'an answer with another unit',
      breaks: [3],
      plant: (system) => {
        first(ledgerOf(system).accepted).sequence += 1;
      },
    },
    {
      name: 'an assignment in no answer',
      breaks: [3],
      plant: (system) => void ledgerOf(system).accepted.pop(),
    },
    {
      name: 'an assignment of a user who was never answered',
      breaks: [],
      plant: (system) => {
        const ledger = ledgerOf(system);
        const unanswered = ledger.accepted.pop();
        if (unanswered !== undefined) ledger.unknownUsers.add(unanswered.userId);
      },
    },
    {
      name: 'an assignment that was answered under two keys',
      breaks: [3],
      plant: (system) => {
        const { accepted } = ledgerOf(system);
        accepted.push({ ...first(accepted) });
      },
    },
    {
      name: 'a missing row of an assignment that was answered',
      breaks: [3, 5, 7, 8],
      plant: ({ facts, watched, watchedAssigned }) => {
        const { eventId } = first(watchedAssigned);
        facts.tables.assignments.delete(eventId);
        addIssued({ facts, plain: watched }, -1);
      },
    },
  ];
}

type Accepted = Extract<ClientAnswer, { kind: 'accepted' }>;
type Refused = Extract<ClientAnswer, { kind: 'refused' }>;

const REFUSED: Pick<Refused, 'kind' | 'refusal' | 'named'> = {
  kind: 'refused',
  refusal: 'other',
  named: [],
};

function acceptedIn(system: System): Accepted[] {
  return ledgerOf(system).answers.filter((answer) => answer.kind === 'accepted');
}

function inAnswers(): Defect[] {
  return [
    {
      name: 'a key that was answered with two assignments',
      breaks: [6],
      plant: (system) => {
        const [one, other] = acceptedIn(system).filter(({ replayed }) => !replayed);
        if (one === undefined || other === undefined) throw new Error('too few');
        ledgerOf(system).answers.push({ ...other, key: one.key, replayed: true });
      },
    },
    {
      name: 'a key that was answered with another time of the same assignment',
      breaks: [6],
      plant: (system) => {
        const answer = first(acceptedIn(system));
        const assignment = { ...answer.assignment, assignedAt: answer.assignment.assignedAt + 1 };
        ledgerOf(system).answers.push({ ...answer, assignment, replayed: true });
      },
    },
    {
      name: 'a repeat that was answered as new',
      breaks: [6],
      plant: (system) => {
        const answer = acceptedIn(system).find(({ replayed }) => !replayed);
        if (answer !== undefined) ledgerOf(system).answers.push({ ...answer });
      },
    },
    {
      name: 'a key that was refused after it was accepted',
      breaks: [6],
      plant: (system) => {
        const { userId, key, answeredAt } = first(acceptedIn(system).slice(-1));
        const moments = { sentAt: answeredAt + 2, answeredAt: answeredAt + 3 };
        ledgerOf(system).answers.push({ userId, key, ...moments, ...REFUSED });
      },
    },
    {
      name: 'a refusal that was on its way while the key was accepted',
      breaks: [],
      plant: (system) => {
        const { userId, key, sentAt, answeredAt } = first(acceptedIn(system));
        ledgerOf(system).answers.push({ userId, key, sentAt, answeredAt, ...REFUSED });
      },
    },
    {
      name: 'two assignments of a user who asked under one key',
      breaks: [6],
      plant: (system) => {
        const { answers } = ledgerOf(system);
        const { userId } = first(system.watchedAssigned);
        const kept = answers.find((answer) => answer.userId === userId);
        const others = answers.filter((answer) => answer.userId !== userId);
        answers.splice(0, answers.length, ...others, ...(kept === undefined ? [] : [kept]));
      },
    },
  ];
}

function inRefusals(): Defect[] {
  /** Who holds most of the watched coupon. */
  const greedyOf = ({ watchedAssigned }: System): string => {
    const byUser = Map.groupBy(watchedAssigned, ({ userId }) => userId);
    return first([...byUser].sort(([, a], [, b]) => b.length - a.length))[0];
  };
  /** The greediest is refused by the limit, long after everything was decided. */
  const refuse = (system: System, refused: Pick<Refused, 'refusal'> & Partial<Refused>): void => {
    const { occurredAt } = first(system.watchedAssigned);
    const userId = greedyOf(system);
    ledgerOf(system).answers.push({
      userId,
      key: 'another key',
      sentAt: occurredAt + 500_000,
      answeredAt: occurredAt + 500_001,
      kind: 'refused',
      named: [],
      ...refused,
    });
  };
  const heldByGreedy = (system: System): string[] => {
    const userId = greedyOf(system);
    return system.watchedAssigned
      .filter((event) => event.userId === userId)
      .map(({ assignmentId }) => assignmentId);
  };
  const limitTo = (system: System, perUserLimit: number): void => {
    const { facts, watched } = system;
    const { state } = redisCouponOf(facts, watched);
    for (const one of [watched, state, couponRowOf(facts, watched)])
      one.perUserLimit = perUserLimit;
  };
  return [
    {
      name: '"sold out" while there were units',
      breaks: [9],
      plant: (system) => refuse(system, { refusal: 'sold-out' }),
    },
    {
      name: '"sold out" from before the newest epoch, which nothing bears out any more,',
      breaks: [],
      plant: (system) => {
        const sentAt = system.watched.occurredAt - 10;
        refuse(system, { refusal: 'sold-out', sentAt, answeredAt: sentAt + 1 });
      },
    },
    {
      name: '"sold out" when it was',
      breaks: [],
      plant: (system) => {
        const { facts, watched, watchedAssigned } = system;
        const { state } = redisCouponOf(facts, watched);
        for (const one of [watched, state, couponRowOf(facts, watched)]) {
          one.quantity = watchedAssigned.length;
        }
        state.remaining = 0;
        refuse(system, { refusal: 'sold-out' });
      },
    },
    {
      name: '"sold out" a moment before the last unit was taken',
      breaks: [9],
      plant: (system) => {
        const { facts, watched, watchedAssigned } = system;
        const { state } = redisCouponOf(facts, watched);
        for (const one of [watched, state, couponRowOf(facts, watched)]) {
          one.quantity = watchedAssigned.length;
        }
        state.remaining = 0;
        const { occurredAt } = first(watchedAssigned.slice(-1));
        // The last unit is later than every epoch's beginning.
        refuse(system, { refusal: 'sold-out', sentAt: occurredAt - 1, answeredAt: occurredAt - 1 });
      },
    },
    {
      name: '"limit reached" that names what the user holds',
      breaks: [],
      plant: (system) => {
        const named = heldByGreedy(system);
        limitTo(system, named.length);
        refuse(system, { refusal: 'limit-reached', named });
      },
    },
    {
      name: '"limit reached" that names less than the limit',
      breaks: [9],
      plant: (system) => {
        const named = heldByGreedy(system);
        limitTo(system, named.length + 1);
        refuse(system, { refusal: 'limit-reached', named: [...named, first(named)] });
      },
    },
    {
      name: '"limit reached" that names what never happened',
      breaks: [9],
      plant: (system) => {
        const named = heldByGreedy(system);
        limitTo(system, named.length);
        refuse(system, { refusal: 'limit-reached', named: [strangeId(), ...named.slice(1)] });
      },
    },
    {
      name: '"limit reached" that names what another user holds',
      breaks: [9],
      plant: (system) => {
        const named = heldByGreedy(system);
        limitTo(system, named.length);
        const other = system.watchedAssigned.find(
          ({ assignmentId }) => !named.includes(assignmentId),
        );
        refuse(system, {
          refusal: 'limit-reached',
          named: [other?.assignmentId ?? '', ...named.slice(1)],
        });
      },
    },
    {
      name: '"not started" after the start',
      breaks: [9],
      plant: (system) => {
        const { startDate } = system.watched;
        refuse(system, { refusal: 'not-started', sentAt: startDate, answeredAt: startDate + 1 });
      },
    },
    {
      name: '"not started" before the start',
      breaks: [],
      plant: (system) => {
        const { startDate } = system.watched;
        refuse(system, {
          refusal: 'not-started',
          sentAt: startDate - 1,
          answeredAt: startDate + 1,
        });
      },
    },
    {
      name: '"ended" before the end',
      breaks: [9],
      plant: (system) => refuse(system, { refusal: 'ended' }),
    },
    {
      name: '"ended" after the end',
      breaks: [],
      plant: (system) => {
        const { endDate } = system.watched;
        refuse(system, { refusal: 'ended', sentAt: endDate - 1, answeredAt: endDate });
      },
    },
    {
      name: '"no such coupon" of one that is there',
      breaks: [9],
      plant: (system) => refuse(system, { refusal: 'coupon-not-found' }),
    },
    {
      name: '"key used for another request" of a key that nobody else used',
      breaks: [9],
      plant: (system) => refuse(system, { refusal: 'key-reused' }),
    },
    {
      name: '"key used for another request" of a key that somebody else used',
      breaks: [],
      plant: (system) => {
        const { key } = first(acceptedIn(system));
        refuse(system, { refusal: 'key-reused', key, userId: 'nobody' });
      },
    },
    {
      name: '"sold out" that the doubt about the clocks covers',
      breaks: [],
      plant: (system) => {
        ledgerOf(system).clockDoubtMs = 10_000_000;
        refuse(system, { refusal: 'sold-out' });
      },
    },
  ];
}

function inTransitions(): Defect[] {
  const renumber = ({ facts, plain }: System, event: CouponAssigned, nthOfUser: number): void => {
    event.nthOfUser = nthOfUser;
    const row = facts.tables.assignments.get(event.assignmentId);
    if (row !== undefined) row.nthOfUser = nthOfUser;
    for (const held of redisCouponOf(facts, plain).holders.get(event.userId) ?? []) {
      if (held.assignmentId === event.assignmentId) held.nthOfUser = nthOfUser;
    }
  };
  const setDate = (system: System, field: 'startDate' | 'endDate', at: number): void => {
    const { facts, plain } = system;
    const { state } = redisCouponOf(facts, plain);
    for (const one of [plain, state, couponRowOf(facts, plain)]) one[field] = at;
  };
  return [
    {
      name: 'an assignment from before the start',
      breaks: [10],
      plant: (system) => setDate(system, 'startDate', first(system.assigned).occurredAt + 1),
    },
    {
      name: 'an assignment from the very end',
      breaks: [10],
      plant: (system) => setDate(system, 'endDate', first(system.assigned.slice(-1)).occurredAt),
    },
    {
      name: 'an assignment of an epoch before that of its coupon',
      breaks: [10],
      plant: ({ facts, plain }) => {
        plain.epoch = (facts.redis.gateEpoch ?? 0) + 1;
        facts.newestClaim = plain.epoch;
        couponRowOf(facts, plain).epoch = plain.epoch;
      },
    },
    {
      name: 'an epoch that nobody claimed',
      breaks: [10],
      plant: ({ facts }) => {
        facts.newestClaim = (facts.newestClaim ?? 0) - 1;
      },
    },
    {
      name: 'an epoch that is claimed and not opened yet',
      breaks: [],
      plant: ({ facts }) => {
        facts.newestClaim = (facts.newestClaim ?? 0) + 1;
      },
    },
    {
      name: 'a sequence that was skipped',
      breaks: [10],
      plant: ({ facts, plain }) => {
        redisCouponOf(facts, plain).state.lastSequence += 1;
      },
    },
    {
      name: "a user's numbers that run against the sequences",
      breaks: [10],
      plant: (system) => {
        const [one, other] = system.assigned;
        if (one === undefined || other === undefined) throw new Error('too few');
        const numbers = [one.nthOfUser, other.nthOfUser] as const;
        renumber(system, one, numbers[1]);
        renumber(system, other, numbers[0]);
      },
    },
    {
      name: 'an event that comes again as another',
      breaks: [10],
      plant: ({ facts, assigned }) => {
        const { partition } = findRecord(facts, first(assigned).eventId);
        const checkpoint = checkpointOf(facts, partition);
        const { nextOffset } = checkpoint;
        // Of the newest epoch, so that it counts; and as a dead letter, so that no row is asked for.
        const event = { ...first(assigned), epoch: facts.redis.gateEpoch ?? 0, userId: 'nobody' };
        partition.records = partition.records.filter(({ offset }) => offset < nextOffset);
        partition.records.push({ offset: nextOffset, event });
        partition.endOffset = nextOffset + 1;
        checkpoint.nextOffset += 1;
        checkpoint.deadLettered += 1;
        const position = positionOf(
          topicPartitionOf(partition.topic, partition.partition),
          nextOffset,
        );
        facts.deadLetters.add(position);
      },
    },
  ];
}
