// The coupons in Redis: typed calls of the scripts, and their replies as named outcomes.
import type { Redis } from 'ioredis';
import type { RedisKeys } from '../../contracts/redis-keys.ts';
import type { AssignCoupon, CreateCoupon } from '../../domain/commands.ts';
import type { CouponAssigned, CouponCreated, CouponEvent } from '../../domain/coupon-events.ts';
import { AppError } from '../../platform/errors.ts';
import { createScript } from '../../platform/redis.ts';

/** An assignment as far as Redis knows it. */
export type HeldAssignment = { assignmentId: string; sequence: number; assignedAt: number };

/** `waiting`: the event, when it is still in the outbox and must be emitted and confirmed first (P5). */
export type CreateOutcome =
  | { kind: 'accepted'; event: CouponCreated }
  | { kind: 'repeat'; createdAt: number; waiting: CouponEvent | null }
  | { kind: 'key-reused' }
  | { kind: 'end-date-passed' }
  | { kind: 'closed' };

export type AssignOutcome =
  | { kind: 'accepted'; event: CouponAssigned }
  | { kind: 'repeat'; assignment: HeldAssignment; waiting: CouponEvent | null }
  | { kind: 'limit-reached'; held: HeldAssignment[]; waiting: CouponEvent[] }
  | { kind: 'not-started'; startDate: number }
  | { kind: 'ended'; endDate: number }
  | { kind: 'sold-out' }
  | { kind: 'coupon-not-found' }
  | { kind: 'key-reused' }
  | { kind: 'overloaded' }
  | { kind: 'closed' };

/** Events of one coupon and one epoch that are in the log. */
export type Confirmation = {
  couponId: string;
  epoch: number;
  /** The event id of the coupon's creation when it is among them. */
  creationId: string | null;
  /** Ids of events whose callers are told now. */
  answered: string[];
  /** Ids of events that nobody is told of now. */
  untold: string[];
};

export type WriteModel = {
  create(command: CreateCoupon, epoch: number): Promise<CreateOutcome>;
  assign(command: AssignCoupon, epoch: number): Promise<AssignOutcome>;
  confirm(confirmation: Confirmation): Promise<{ kind: 'confirmed' } | { kind: 'closed' }>;
};

type WriteModelOptions = {
  redis: Redis;
  keys: RedisKeys;
  maxOutboxAgeMs: number;
  idempotencyTtlMs: number;
};

/**
 * The write model in this Redis. Its calls throw AppError REDIS_REFUSED: nothing was changed;
 * REDIS_UNAVAILABLE: the outcome is unknown; REPLY_UNKNOWN: this version does not know it.
 */
export function createWriteModel({ redis, keys, ...limits }: WriteModelOptions): WriteModel {
  const create = createScript(
    redis,
    new URL('../commands/coupon/create-coupon.lua', import.meta.url),
  );
  const assign = createScript(
    redis,
    new URL('../commands/assignment/assign-coupon.lua', import.meta.url),
  );
  const confirm = createScript(redis, new URL('./confirm.lua', import.meta.url));

  return {
    create: async (command, epoch) => {
      const undecided = toUndecidedCreation(command, epoch);
      const { couponId } = command;
      const reply = await create(
        [
          keys.gate,
          keys.coupon(couponId),
          keys.outbox(couponId),
          keys.outboxEvents(couponId),
          keys.coupons,
        ],
        [
          epoch,
          JSON.stringify(undecided),
          couponId,
          command.title,
          command.quantity,
          command.startDate,
          command.endDate,
          command.perUserLimit,
          command.key?.requestHash ?? '',
        ],
      );
      return readCreateReply(toTexts(reply), undecided);
    },

    assign: async (command, epoch) => {
      const undecided = toUndecidedAssignment(command, epoch);
      const { couponId } = command;
      const reply = await assign(
        [
          keys.gate,
          keys.coupon(couponId),
          keys.holders(couponId),
          keys.outbox(couponId),
          keys.outboxEvents(couponId),
          keys.unanswered(couponId),
          keys.idempotency(couponId, command.key?.idempotencyKey ?? ''),
        ],
        [
          epoch,
          limits.maxOutboxAgeMs,
          command.userId,
          command.assignmentId,
          JSON.stringify(undecided),
          command.key?.requestHash ?? '',
          limits.idempotencyTtlMs,
        ],
      );
      return readAssignReply(toTexts(reply), undecided);
    },

    confirm: async ({ couponId, epoch, creationId, answered, untold }) => {
      const reply = await confirm(
        [
          keys.gate,
          keys.coupon(couponId),
          keys.outbox(couponId),
          keys.outboxEvents(couponId),
          keys.unanswered(couponId),
        ],
        [epoch, creationId ?? '', answered.length, ...answered, ...untold],
      );
      return reply === 1 ? { kind: 'confirmed' } : { kind: 'closed' };
    },
  };
}

type UndecidedCreation = Omit<CouponCreated, 'occurredAt'>;
type UndecidedAssignment = Omit<CouponAssigned, 'occurredAt' | 'sequence' | 'nthOfUser'>;

function toUndecidedCreation(command: CreateCoupon, epoch: number): UndecidedCreation {
  return {
    type: 'CouponCreated',
    eventId: command.couponId,
    epoch,
    idempotencyKey: command.key?.idempotencyKey ?? null,
    requestHash: command.key?.requestHash ?? null,
    couponId: command.couponId,
    title: command.title,
    quantity: command.quantity,
    startDate: command.startDate,
    endDate: command.endDate,
    perUserLimit: command.perUserLimit,
  };
}

function toUndecidedAssignment(command: AssignCoupon, epoch: number): UndecidedAssignment {
  return {
    type: 'CouponAssigned',
    eventId: command.assignmentId,
    epoch,
    idempotencyKey: command.key?.idempotencyKey ?? null,
    requestHash: command.key?.requestHash ?? null,
    assignmentId: command.assignmentId,
    couponId: command.couponId,
    userId: command.userId,
  };
}

function readCreateReply(reply: string[], undecided: UndecidedCreation): CreateOutcome {
  const [kind, at = '', waiting = ''] = reply;
  switch (kind) {
    case 'accepted':
      return { kind, event: { ...undecided, occurredAt: Number(at) } };
    case 'repeat':
      return { kind, createdAt: Number(at), waiting: waiting === '' ? null : readEvent(waiting) };
    case 'key-reused':
    case 'end-date-passed':
    case 'closed':
      return { kind };
    default:
      throw unexpected('create', kind);
  }
}

function readAssignReply(reply: string[], undecided: UndecidedAssignment): AssignOutcome {
  const [kind, first = '', second = '', third = ''] = reply;
  switch (kind) {
    case 'accepted':
      return {
        kind,
        event: {
          ...undecided,
          sequence: Number(first),
          nthOfUser: Number(second),
          occurredAt: Number(third),
        },
      };
    case 'repeat':
      return {
        kind,
        assignment: readAssignment(first),
        waiting: second === '' ? null : readEvent(second),
      };
    case 'limit-reached':
      return {
        kind,
        held: first.split(',').map(readAssignment),
        waiting: reply.slice(2).map(readEvent),
      };
    case 'not-started':
      return { kind, startDate: Number(first) };
    case 'ended':
      return { kind, endDate: Number(first) };
    case 'sold-out':
    case 'coupon-not-found':
    case 'key-reused':
    case 'overloaded':
    case 'closed':
      return { kind };
    default:
      throw unexpected('assign', kind);
  }
}

/** An event as the scripts keep it in an outbox; they are its only writers. */
export function readEvent(json: string): CouponEvent {
  return JSON.parse(json) as CouponEvent;
}

function readAssignment(packed: string): HeldAssignment {
  const [assignmentId = '', sequence, assignedAt] = packed.split('/');
  return { assignmentId, sequence: Number(sequence), assignedAt: Number(assignedAt) };
}

function toTexts(reply: unknown): string[] {
  if (!Array.isArray(reply)) throw unexpected('a script', typeof reply);
  return reply.map(String);
}

function unexpected(script: string, reply: unknown): AppError {
  return new AppError(
    'REPLY_UNKNOWN',
    `${script}: a reply that this version does not know: ${String(reply)}`,
  );
}
