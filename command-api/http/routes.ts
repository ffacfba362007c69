// HTTP to command, answer to HTTP. The only place of this process that knows a status of success;
// contracts/problems.ts knows the others.
import { type Request, type Response, Router } from 'express';
import { formatPositions, type Position } from '../../contracts/position.ts';
import { type Problem, problemOfFaults } from '../../contracts/problems.ts';
import type { AssignCoupon, CreateCoupon } from '../../domain/commands.ts';
import { onlyMethods, sendJson, sendProblem, traceparentOf } from '../../http/app.ts';
import type { Door } from '../../http/server.ts';
import { type AssignAnswer, assignCoupon } from '../commands/assignment/assign-coupon.ts';
import { type CreateAnswer, createCoupon } from '../commands/coupon/create-coupon.ts';
import { type Desk, isFull } from '../commands/handle-command.ts';
import type { CommandMetrics } from '../metrics.ts';
import type { HeldAssignment } from '../write-model/write-model.ts';
import { parseAssign, parseCreate } from './parse-request.ts';

/** When a caller may ask again, in ms: a gate opens, or an outbox drains, within about that time. */
const RETRY_AFTER_MS = { closed: 500, overloaded: 500, unknown: 200 } as const;
const OVERLOADED: Problem = { name: 'overloaded', retryAfterMs: RETRY_AFTER_MS.overloaded };

/** Turns commands away while the house is full, before they are read, let alone decided. */
export function couponDoor(desk: Pick<Desk, 'publisher' | 'load'>, metrics: CommandMetrics): Door {
  return ({ method, url }) => {
    if (method !== 'POST' || !isFull(desk)) return null;
    metrics.answered(url?.endsWith('/assign') === true ? 'assign' : 'create', 'overloaded');
    return OVERLOADED;
  };
}

/** The write endpoints. `queryApiUrl`: where the `Location` of an answer points. */
export function couponRoutes(desk: Desk, queryApiUrl: string, metrics: CommandMetrics): Router {
  const router = Router();

  router
    .route('/coupons')
    .post(async (request, response) => {
      const parsed = parseCreate(request.body, request.get('Idempotency-Key'));
      if (parsed.kind === 'refused') return sendProblem(response, problemOfFaults(parsed.faults));
      const answer = await createCoupon(desk, parsed.command, traceparentOf(response));
      metrics.answered('create', answer.kind);
      return sendCreateAnswer(response, answer, parsed.command, queryApiUrl);
    })
    .all(onlyMethods('POST'));

  router
    .route('/coupons/:couponId/assign')
    .post(async (request: Request<{ couponId: string }>, response) => {
      const { couponId } = request.params;
      const parsed = parseAssign(
        couponId,
        request.body,
        request.get('Idempotency-Key'),
        desk.newAssignmentId,
      );
      if (parsed.kind === 'refused') return sendProblem(response, problemOfFaults(parsed.faults));
      const answer = await assignCoupon(desk, parsed.command, traceparentOf(response));
      metrics.answered('assign', answer.kind);
      return sendAssignAnswer(response, answer, parsed.command, queryApiUrl);
    })
    .all(onlyMethods('POST'));

  return router;
}

function sendCreateAnswer(
  response: Response,
  answer: CreateAnswer,
  command: CreateCoupon,
  queryApiUrl: string,
): void {
  if (answer.kind !== 'created') {
    sendProblem(response, problemOf(answer, command));
    return;
  }
  const { couponId, title, quantity, startDate, endDate, perUserLimit } = command;
  markSuccess(response, `${queryApiUrl}/coupons/${couponId}`, answer);
  sendJson(
    response,
    201,
    JSON.stringify({
      id: couponId,
      title,
      quantity,
      startDate: toIso(startDate),
      endDate: toIso(endDate),
      perUserLimit,
      createdAt: toIso(answer.createdAt),
    }),
  );
}

function sendAssignAnswer(
  response: Response,
  answer: AssignAnswer,
  command: AssignCoupon,
  queryApiUrl: string,
): void {
  if (answer.kind !== 'assigned') {
    sendProblem(response, problemOf(answer, command));
    return;
  }
  const { assignment } = answer;
  markSuccess(response, `${queryApiUrl}/assignments/${assignment.assignmentId}`, answer);
  sendJson(response, 201, JSON.stringify(toAssignmentBody(command, assignment)));
}

function markSuccess(
  response: Response,
  location: string,
  { replayed, positions }: { replayed: boolean; positions: Position[] },
): void {
  response.setHeader('Location', location);
  if (positions.length > 0) response.setHeader('Firstcome-Position', formatPositions(positions));
  if (replayed) response.setHeader('Idempotency-Replayed', 'true');
}

type Refusal = Exclude<CreateAnswer | AssignAnswer, { kind: 'created' | 'assigned' }>;

function problemOf(refusal: Refusal, command: CreateCoupon | AssignCoupon): Problem {
  switch (refusal.kind) {
    case 'coupon-not-found':
      return { name: 'couponNotFound' };
    case 'end-date-passed':
      return { name: 'invalidDates', detail: 'endDate must be in the future' };
    case 'not-started':
      return { name: 'notStarted', members: { startDate: toIso(refusal.startDate) } };
    case 'ended':
      return { name: 'ended', members: { endDate: toIso(refusal.endDate) } };
    case 'sold-out':
      return { name: 'soldOut' };
    case 'limit-reached':
      return {
        name: 'limitReached',
        members: {
          assignments: refusal.held.map((held) => toAssignmentBody(command as AssignCoupon, held)),
        },
      };
    case 'key-reused':
      return { name: 'keyReused' };
    case 'closed':
      return { name: 'closed', retryAfterMs: RETRY_AFTER_MS.closed };
    case 'overloaded':
      return OVERLOADED;
    case 'outcome-unknown':
      return { name: 'outcomeUnknown', retryAfterMs: RETRY_AFTER_MS.unknown };
    case 'refused-by-log':
      return { name: 'refusedByLog' };
  }
}

function toAssignmentBody({ couponId, userId }: AssignCoupon, held: HeldAssignment) {
  const { assignmentId, sequence, assignedAt } = held;
  return { assignmentId, couponId, userId, sequence, assignedAt: toIso(assignedAt) };
}

function toIso(ms: number): string {
  return new Date(ms).toISOString();
}
