// A fold as the chunks of a snapshot, and back. Back is the fold's own way: event by event.
import { randomUUID } from 'node:crypto';
import type {
  SnapshotAssignment,
  SnapshotChunk,
  SnapshotCoupon,
  SnapshotCreation,
} from '../../contracts/snapshot.ts';
import type { Coupon } from '../../domain/coupon.ts';
import type { CouponAssigned, CouponCreated } from '../../domain/coupon-events.ts';
import { countEvent, type LogFold } from '../fold/fold.ts';

/** A chunk and its frame stay below what a topic takes in one batch: 1 MiB. */
const CHUNK_BYTES = 700_000;
/** What an event takes beside its texts, and a coupon beside its events: never more. */
const EVENT_BYTES = 110;
const COUPON_BYTES = 50;

/** Every event that counts in `coupons`, in chunks of at most about `chunkBytes` bytes. */
export function* chunksOf(
  coupons: ReadonlyMap<string, Coupon>,
  snapshotId = randomUUID(),
  chunkBytes = CHUNK_BYTES,
): Generator<SnapshotChunk> {
  let chunk: SnapshotChunk = { type: 'SnapshotChunk', snapshotId, index: 0, coupons: [] };
  let size = 0;
  for (const [couponId, coupon] of coupons) {
    let part: SnapshotCoupon | null = null;
    for (const event of eventsOf(coupon)) {
      const eventSize = sizeOf(event);
      if (size > 0 && size + eventSize + COUPON_BYTES > chunkBytes) {
        yield chunk;
        chunk = { ...chunk, index: chunk.index + 1, coupons: [] };
        size = 0;
        part = null;
      }
      if (part === null) {
        part = { couponId, created: null, assignments: [] };
        chunk.coupons.push(part);
        size += COUPON_BYTES;
      }
      size += eventSize;
      if (event.type === 'CouponCreated') part.created = event;
      else part.assignments.push(event);
    }
  }
  if (chunk.coupons.length > 0) yield chunk;
}

/** Takes the events of one coupon of a chunk into `fold`. */
export function countCoupon(
  fold: LogFold,
  { couponId, created, assignments }: SnapshotCoupon,
): void {
  if (created !== null) countEvent(fold, createdOf(couponId, created));
  for (const assignment of assignments) countEvent(fold, assignedOf(couponId, assignment));
}

function* eventsOf({ created, assignments }: Coupon): Generator<CouponCreated | CouponAssigned> {
  if (created !== null) yield created;
  for (const held of assignments.values()) yield* held;
}

function createdOf(couponId: string, created: SnapshotCreation): CouponCreated {
  const { epoch, occurredAt, idempotencyKey, requestHash } = created;
  const { title, quantity, startDate, endDate, perUserLimit } = created;
  return {
    type: 'CouponCreated',
    eventId: couponId,
    ...{ epoch, occurredAt, idempotencyKey, requestHash },
    ...{ couponId, title, quantity, startDate, endDate, perUserLimit },
  };
}

// Written out: it is done for each of a million.
function assignedOf(couponId: string, assignment: SnapshotAssignment): CouponAssigned {
  return {
    type: 'CouponAssigned',
    eventId: assignment.assignmentId,
    epoch: assignment.epoch,
    occurredAt: assignment.occurredAt,
    idempotencyKey: assignment.idempotencyKey,
    requestHash: assignment.requestHash,
    assignmentId: assignment.assignmentId,
    couponId,
    userId: assignment.userId,
    sequence: assignment.sequence,
    nthOfUser: assignment.nthOfUser,
  };
}

function sizeOf(event: CouponCreated | CouponAssigned): number {
  const { idempotencyKey, requestHash } = event;
  const text = event.type === 'CouponCreated' ? event.title : event.userId;
  return (
    EVENT_BYTES +
    Buffer.byteLength(text) +
    (idempotencyKey === null ? 0 : Buffer.byteLength(idempotencyKey)) +
    (requestHash === null ? 0 : Buffer.byteLength(requestHash))
  );
}
