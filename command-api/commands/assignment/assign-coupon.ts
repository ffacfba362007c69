// `POST /coupons/{id}/assign`: gives one unit to a user.
import { ASSIGN_TOPIC } from '../../../contracts/topics.ts';
import { type AssignCoupon, keyFieldsOf } from '../../../domain/commands.ts';
import type { CouponAssigned } from '../../../domain/coupon-events.ts';
import {
  parseOutboxEvent,
  parseWaitingEvent,
  type ScriptReply,
  unknownReply,
} from '../../write-model/script-reply.ts';
import type { CommandDefinition, ScriptOutcome } from '../command-definition.ts';

/** One unit that a user holds, as far as Redis knows it; `assignedAt` in ms since 1970. */
export type AssignedUnit = { assignmentId: string; sequence: number; assignedAt: number };

export type Assigned = { kind: 'assigned'; assignment: AssignedUnit };
export type AssignRefusal =
  | { kind: 'limit-reached'; held: AssignedUnit[] }
  | { kind: 'not-started'; startDate: number }
  | { kind: 'ended'; endDate: number }
  | { kind: 'sold-out' }
  | { kind: 'coupon-not-found' }
  | { kind: 'key-reused' };
export type AssignOutcome = ScriptOutcome<Assigned, AssignRefusal>;

export const assignCoupon: CommandDefinition<AssignCoupon, Assigned, AssignRefusal> = {
  name: 'assign',
  topic: ASSIGN_TOPIC,
  script: new URL('./assign-coupon.lua', import.meta.url),
  prepare: ({ couponId, assignmentId, userId, key }, context) => {
    const { epoch, keys, maxOutboxAgeMs, idempotencyTtlMs } = context;
    const event: UndecidedAssignment = {
      ...{ type: 'CouponAssigned', eventId: assignmentId, epoch },
      ...keyFieldsOf(key),
      ...{ assignmentId, couponId, userId },
    };
    return {
      keys: [
        keys.holders(couponId),
        keys.unanswered(couponId),
        keys.idempotency(couponId, key?.idempotencyKey ?? ''),
      ],
      args: [
        ...[maxOutboxAgeMs, userId, assignmentId, JSON.stringify(event)],
        ...[key?.requestHash ?? '', idempotencyTtlMs],
      ],
      readReply: (reply) => readReply(reply, event),
    };
  },
};

type UndecidedAssignment = Omit<CouponAssigned, 'occurredAt' | 'sequence' | 'nthOfUser'>;

function readReply({ kind, values }: ScriptReply, undecided: UndecidedAssignment): AssignOutcome {
  const [first = '', second = '', third = ''] = values;
  switch (kind) {
    case 'accepted': {
      const [sequence, nthOfUser, occurredAt] = [Number(first), Number(second), Number(third)];
      const { assignmentId } = undecided;
      const assignment = { assignmentId, sequence, assignedAt: occurredAt };
      return {
        kind,
        event: { ...undecided, sequence, nthOfUser, occurredAt },
        success: { kind: 'assigned', assignment },
      };
    }
    case 'repeat': {
      const assignment = parseHeld(first);
      const success: Assigned = { kind: 'assigned', assignment };
      return {
        kind,
        eventId: assignment.assignmentId,
        waiting: parseWaitingEvent(second),
        success,
      };
    }
    case 'limit-reached':
      return {
        kind: 'refused',
        refusal: { kind, held: first.split(',').map(parseHeld) },
        waiting: values.slice(1).map(parseOutboxEvent),
      };
    case 'not-started':
      return refused({ kind, startDate: Number(first) });
    case 'ended':
      return refused({ kind, endDate: Number(first) });
    case 'sold-out':
    case 'coupon-not-found':
    case 'key-reused':
      return refused({ kind });
    case 'overloaded':
      return { kind };
    default:
      throw unknownReply(kind);
  }
}

function refused(refusal: AssignRefusal): AssignOutcome {
  return { kind: 'refused', refusal, waiting: [] };
}

function parseHeld(packed: string): AssignedUnit {
  const [assignmentId = '', sequence, assignedAt] = packed.split('/');
  return { assignmentId, sequence: Number(sequence), assignedAt: Number(assignedAt) };
}
