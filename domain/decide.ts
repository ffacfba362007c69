// The decisions, as pure functions: state + command + facts -> an event, or why not. The Lua
// scripts of command-api do the same inside Redis; test/integration/command-api compares the two
// with random sequences of commands.
import type { AssignCoupon, CreateCoupon, RequestKey } from './commands.ts';
import { type Coupon, evolve, heldBy, initialCoupon, remainingOf } from './coupon.ts';
import type { CouponAssigned, CouponCreated, CouponEvent } from './coupon-events.ts';

/**
 * A coupon as Redis holds it: what the log says, or is about to say, and what is still on its way.
 */
export type CouponDesk = {
  coupon: Coupon;
  /** Decided events that are not known to be in the log yet, in the order of their decision. */
  outbox: Map<string, CouponEvent>;
  /** Ids of those that the log refused: nothing waits for them (docs/guarantees.md P7). */
  setAside: Set<string>;
  /** Assignments that the relay confirmed: nobody was told of them yet. */
  unanswered: Set<string>;
};

/** What a decision may look at beside the state. */
export type Facts = {
  nowMs: number;
  epoch: number;
  /** Milliseconds that an event may wait in the outbox before new reservations are refused. */
  maxOutboxAgeMs: number;
};

type Accepted<E extends CouponEvent> = { kind: 'accepted'; event: E };
/** The request was accepted before; `pending`: its event is still in the outbox (docs/guarantees.md P5). */
type Repeat<E extends CouponEvent> = { kind: 'repeat'; event: E; pending: boolean };
/** The idempotency key was used for a request with another body. */
type KeyReused = { kind: 'key-reused' };
/** The outbox does not drain: nothing new is reserved. */
type Overloaded = { kind: 'overloaded' };

export type CreateDecision =
  | Accepted<CouponCreated>
  | Repeat<CouponCreated>
  | KeyReused
  | { kind: 'end-date-passed' };

export type AssignDecision =
  | Accepted<CouponAssigned>
  | Repeat<CouponAssigned>
  | KeyReused
  | Overloaded
  | { kind: 'coupon-not-found' }
  | { kind: 'not-started'; startDate: number }
  | { kind: 'ended'; endDate: number }
  | { kind: 'limit-reached'; held: readonly CouponAssigned[] }
  | { kind: 'sold-out' };

/** A desk before any command. */
export function initialDesk(): CouponDesk {
  return { coupon: initialCoupon(), outbox: new Map(), setAside: new Set(), unanswered: new Set() };
}

/** Decides on a new coupon. Changes nothing; `reserve` carries the decision out. */
export function decideCreate(
  desk: CouponDesk,
  command: CreateCoupon,
  facts: Facts,
): CreateDecision {
  const existing = creationOf(desk, command.couponId);
  if (existing !== null) {
    return existing.requestHash === (command.key?.requestHash ?? null)
      ? { kind: 'repeat', event: existing, pending: desk.outbox.has(existing.eventId) }
      : { kind: 'key-reused' };
  }
  if (command.endDate <= facts.nowMs) return { kind: 'end-date-passed' };
  return {
    kind: 'accepted',
    event: {
      type: 'CouponCreated',
      eventId: command.couponId,
      epoch: facts.epoch,
      occurredAt: facts.nowMs,
      ...identityOf(command.key),
      couponId: command.couponId,
      title: command.title,
      quantity: command.quantity,
      startDate: command.startDate,
      endDate: command.endDate,
      perUserLimit: command.perUserLimit,
    },
  };
}

/**
 * Decides on one unit for one user. Changes nothing; `reserve` carries the decision out.
 * A repeat is told from a new request before anything else: it gets its answer even when the
 * coupon has ended or is sold out since.
 */
export function decideAssign(
  desk: CouponDesk,
  command: AssignCoupon,
  facts: Facts,
): AssignDecision {
  const { created } = desk.coupon;
  if (created === null) return { kind: 'coupon-not-found' };
  const held = heldBy(desk.coupon, command.userId);
  const repeated = repeatOf(desk, command, created, held);
  if (repeated !== null) return repeated;
  if (facts.nowMs < created.startDate) return { kind: 'not-started', startDate: created.startDate };
  if (facts.nowMs >= created.endDate) return { kind: 'ended', endDate: created.endDate };
  if (remainingOf(desk.coupon) <= 0) return { kind: 'sold-out' };
  if (isStuck(desk, facts)) return { kind: 'overloaded' };
  return {
    kind: 'accepted',
    event: {
      type: 'CouponAssigned',
      eventId: command.assignmentId,
      epoch: facts.epoch,
      occurredAt: facts.nowMs,
      ...identityOf(command.key),
      assignmentId: command.assignmentId,
      couponId: command.couponId,
      userId: command.userId,
      sequence: desk.coupon.lastSequence + 1,
      nthOfUser: (held.at(-1)?.nthOfUser ?? 0) + 1,
    },
  };
}

/**
 * Carries an accepted decision out, in place: the event goes to the outbox, and what it takes is
 * taken now. What it gives is given by `confirm` (docs/guarantees.md P4).
 */
export function reserve(desk: CouponDesk, event: CouponEvent): void {
  desk.outbox.set(event.eventId, event);
  if (event.type === 'CouponAssigned') evolve(desk.coupon, event);
}

/**
 * Takes an event that is in the log out of the outbox, in place, and gives what it gives.
 * `answered`: a caller is told of it now. Confirming twice changes nothing.
 */
export function confirm(desk: CouponDesk, eventId: string, answered: boolean): void {
  const event = desk.outbox.get(eventId);
  if (event !== undefined) {
    desk.outbox.delete(eventId);
    desk.setAside.delete(eventId);
    if (event.type === 'CouponCreated') evolve(desk.coupon, event);
    else if (!answered) desk.unanswered.add(eventId);
  }
  if (answered) desk.unanswered.delete(eventId);
}

/**
 * Sets an event aside that the log refuses, in place: what it took stays taken, and a repeat still
 * finds it pending. An event that is not in the outbox changes nothing.
 */
export function setAside(desk: CouponDesk, eventId: string): void {
  if (desk.outbox.has(eventId)) desk.setAside.add(eventId);
}

function repeatOf(
  desk: CouponDesk,
  command: AssignCoupon,
  created: CouponCreated,
  held: readonly CouponAssigned[],
): AssignDecision | null {
  if (command.key !== null) {
    const same = assignmentByKey(desk.coupon, command.key.idempotencyKey);
    if (same !== null) {
      return same.requestHash === command.key.requestHash
        ? { kind: 'repeat', event: same, pending: desk.outbox.has(same.eventId) }
        : { kind: 'key-reused' };
    }
  }
  if (held.length < created.perUserLimit) return null;
  if (command.key === null) {
    const untold = held.find((a) => desk.outbox.has(a.eventId) || desk.unanswered.has(a.eventId));
    if (untold !== undefined) {
      return { kind: 'repeat', event: untold, pending: desk.outbox.has(untold.eventId) };
    }
  }
  return { kind: 'limit-reached', held };
}

function creationOf(desk: CouponDesk, couponId: string): CouponCreated | null {
  if (desk.coupon.created !== null) return desk.coupon.created;
  const waiting = desk.outbox.get(couponId);
  return waiting?.type === 'CouponCreated' ? waiting : null;
}

function assignmentByKey(coupon: Coupon, idempotencyKey: string): CouponAssigned | null {
  for (const held of coupon.assignments.values()) {
    for (const assignment of held) {
      if (assignment.idempotencyKey === idempotencyKey) return assignment;
    }
  }
  return null;
}

function identityOf(key: RequestKey | null): {
  idempotencyKey: string | null;
  requestHash: string | null;
} {
  return { idempotencyKey: key?.idempotencyKey ?? null, requestHash: key?.requestHash ?? null };
}

function isStuck({ outbox, setAside }: CouponDesk, { nowMs, maxOutboxAgeMs }: Facts): boolean {
  const oldest = [...outbox.values()].find(({ eventId }) => !setAside.has(eventId));
  return oldest !== undefined && nowMs - oldest.occurredAt > maxOutboxAgeMs;
}
