// Defects on which log, Redis and tables agree.

import { redisCouponOf } from '../fixture-system.ts';
import { couponRowOf, type Defect } from './defect.ts';

export const IN_THE_WHOLE: readonly Defect[] = [
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
