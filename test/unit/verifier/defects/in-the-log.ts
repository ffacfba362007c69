// Defects of the log.

import { checkpointOf, findRecord, redisCouponOf, strangeId } from '../fixture-system.ts';
import { addRow, type Defect, first } from './defect.ts';

export const IN_THE_LOG: readonly Defect[] = [
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
