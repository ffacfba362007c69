// Given a past, when a command comes, then one outcome: the rules as sentences.
import { expect } from 'chai';
import type { CouponEvent } from '../../domain/coupon-events.ts';
import { type CouponDesk, confirm, type Facts, initialDesk, reserve } from '../../domain/decide.ts';
import { NOW } from './sample-events.ts';

type Past = { event: CouponEvent; fate: 'told' | 'untold' | 'pending' };

/** Decided, and not known to be in the log yet. */
export const pending = (event: CouponEvent): Past => ({ event, fate: 'pending' });
/** In the log and confirmed by the relay: nobody was told. */
export const untold = (event: CouponEvent): Past => ({ event, fate: 'untold' });

/** A desk after these events; an event alone was confirmed and its caller told. */
export function given(...past: (CouponEvent | Past)[]) {
  const desk = initialDesk();
  for (const item of past) {
    const { event, fate } = 'fate' in item ? item : { event: item, fate: 'told' };
    reserve(desk, event);
    if (fate !== 'pending') confirm(desk, event.eventId, fate === 'told');
  }
  return {
    desk,
    when: <Command, Decision>(
      decide: (desk: CouponDesk, command: Command, facts: Facts) => Decision,
      command: Command,
      facts: Partial<Facts> = {},
    ) => {
      const before = structuredClone(desk);
      const decision = decide(desk, command, {
        nowMs: NOW,
        epoch: 0,
        maxOutboxAgeMs: 24 * 3_600_000,
        ...facts,
      });
      expect(desk, 'a decision changes nothing').to.deep.equal(before);
      return { expect: (outcome: Decision) => expect(decision).to.deep.equal(outcome) };
    },
  };
}
