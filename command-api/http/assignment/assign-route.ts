// `POST /coupons/{couponId}/assign`: the request as a command, and its answer as HTTP.
import type { FieldFault, Problem } from '../../../contracts/problems.ts';
import type { AssignCoupon } from '../../../domain/commands.ts';
import type {
  Assigned,
  AssignedUnit,
  AssignRefusal,
} from '../../commands/assignment/assign-coupon.ts';
import type { CommandHandler } from '../../commands/handle-command.ts';
import { toIso } from '../answers.ts';
import type { CommandRoute } from '../command-route.ts';
import {
  type Parsed,
  readFields,
  readKey,
  readUserId,
  readUuid,
  toRequestKey,
} from '../request-fields.ts';

/** The path's id, the body, and the Idempotency-Key header, as a command without its assignment's id. Pure. */
export function parseAssign(
  couponId: string,
  body: unknown,
  keyHeader: string | undefined,
): Parsed<Omit<AssignCoupon, 'assignmentId'>> {
  const faults: FieldFault[] = [];
  const fields = readFields(body, ['userId'], faults);
  const id = readUuid('couponId', couponId, faults);
  const userId = readUserId(fields.userId, faults);
  const idempotencyKey = readKey(keyHeader, faults);
  if (faults.length > 0 || id === null || userId === null) return { kind: 'refused', faults };
  const meaning = ['assign', id, userId];
  const key = idempotencyKey === null ? null : toRequestKey(idempotencyKey, meaning);
  return { kind: 'parsed', request: { couponId: id, userId, key } };
}

/** The route of units that `handle` gives; `newAssignmentId`: the id that a unit gets if it is given. */
export function assignRoute(
  handle: CommandHandler<AssignCoupon, Assigned, AssignRefusal>,
  newAssignmentId: () => string,
): CommandRoute<Omit<AssignCoupon, 'assignmentId'>, AssignCoupon, Assigned, AssignRefusal> {
  return {
    name: 'assign',
    path: '/coupons/:couponId/assign',
    parse: ({ params, body, idempotencyKey }) =>
      parseAssign(params.couponId ?? '', body, idempotencyKey),
    toCommand: (request) => ({ ...request, assignmentId: newAssignmentId() }),
    handle,
    toResource: (command, { assignment }) => ({
      path: `/assignments/${assignment.assignmentId}`,
      body: toAssignmentBody(command, assignment),
    }),
    toProblem,
  };
}

function toProblem(command: AssignCoupon, refusal: AssignRefusal): Problem {
  switch (refusal.kind) {
    case 'coupon-not-found':
      return { name: 'couponNotFound' };
    case 'not-started':
      return { name: 'notStarted', members: { startDate: toIso(refusal.startDate) } };
    case 'ended':
      return { name: 'ended', members: { endDate: toIso(refusal.endDate) } };
    case 'sold-out':
      return { name: 'soldOut' };
    case 'limit-reached': {
      const assignments = refusal.held.map((unit) => toAssignmentBody(command, unit));
      return { name: 'limitReached', members: { assignments } };
    }
    case 'key-reused':
      return { name: 'keyReused' };
  }
}

function toAssignmentBody({ couponId, userId }: AssignCoupon, unit: AssignedUnit) {
  const { assignmentId, sequence, assignedAt } = unit;
  return { assignmentId, couponId, userId, sequence, assignedAt: toIso(assignedAt) };
}
