// Refusals that were not true, and some that were.

import { redisCouponOf, type System, strangeId } from '../fixture-system.ts';
import { acceptedIn, couponRowOf, type Defect, first, ledgerOf, type Refused } from './defect.ts';

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
  for (const one of [watched, state, couponRowOf(facts, watched)]) one.perUserLimit = perUserLimit;
};

export const IN_REFUSALS: readonly Defect[] = [
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
