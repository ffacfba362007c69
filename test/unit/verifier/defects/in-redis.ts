// Defects of Redis.

import { redisCouponOf, type System, strangeId } from '../fixture-system.ts';
import { type Defect, first } from './defect.ts';

const stateOf = ({ facts, plain }: System) => redisCouponOf(facts, plain).state;

export const IN_REDIS: readonly Defect[] = [
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
