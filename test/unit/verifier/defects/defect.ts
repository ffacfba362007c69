// What a planted defect is, and what several of them need.
import type { CouponCreated } from '../../../../domain/coupon-events.ts';
import type {
  AssignmentRow,
  ClientAnswer,
  ClientLedger,
  CouponRow,
  SystemFacts,
} from '../../../../verifier/facts.ts';
import type { System } from '../fixture-system.ts';

/** One defect that a test plants in a made system. */
export type Defect = {
  name: string;
  /** The invariants that it breaks, and no others. */
  breaks: number[];
  plant: (system: System) => void;
};

export type Accepted = Extract<ClientAnswer, { kind: 'accepted' }>;
export type Refused = Extract<ClientAnswer, { kind: 'refused' }>;

/** A refusal for a reason that the verifier can't judge. */
export const REFUSED: Pick<Refused, 'kind' | 'refusal' | 'named'> = {
  kind: 'refused',
  refusal: 'other',
  named: [],
};

/** The first of a list that is not empty. */
export function first<T>(list: readonly T[]): T {
  const [found] = list;
  if (found === undefined) throw new Error('nothing there');
  return found;
}

/** The row of the first assignment of the plain coupon. */
export function rowOf({ facts, assigned }: System): AssignmentRow {
  const row = facts.tables.assignments.get(first(assigned).assignmentId);
  if (row === undefined) throw new Error('no row');
  return row;
}

/** The row of a coupon. */
export function couponRowOf(facts: SystemFacts, { couponId }: CouponCreated): CouponRow {
  const row = facts.tables.coupons.get(couponId);
  if (row === undefined) throw new Error('no coupon');
  return row;
}

/** Adds a row of the plain coupon, and counts it. */
export function addRow(
  { facts, plain }: System,
  id: string,
  columns: Partial<AssignmentRow>,
): void {
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

/** Adds to the issued counter of the plain coupon. */
export function addIssued({ facts, plain }: Pick<System, 'facts' | 'plain'>, more: number): void {
  const issued = facts.tables.issued.get(plain.couponId) ?? 0;
  facts.tables.issued.set(plain.couponId, issued + more);
}

/** The ledger of the watched coupon, which a made system has. */
export function ledgerOf({ facts }: System): ClientLedger {
  if (facts.ledger === null) throw new Error('no ledger');
  return facts.ledger;
}

/** The answers of the ledger that accepted something. */
export function acceptedIn(system: System): Accepted[] {
  return ledgerOf(system).answers.filter((answer) => answer.kind === 'accepted');
}
