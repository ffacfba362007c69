// Events that could not follow from what came before them.

import { topicPartitionOf } from '../../../../contracts/position.ts';
import type { CouponAssigned } from '../../../../domain/coupon-events.ts';
import { positionOf } from '../../../../verifier/facts.ts';
import { checkpointOf, findRecord, redisCouponOf, type System } from '../fixture-system.ts';
import { couponRowOf, type Defect, first } from './defect.ts';

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

export const IN_TRANSITIONS: readonly Defect[] = [
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
