// HTTP to reads, outcomes to status; nothing else.
import { type Request, type Response, Router } from 'express';
import { type Problem, problemOfFaults } from '../../contracts/problems.ts';
import { onlyMethods, sendProblem } from '../../http/app.ts';
import type { ReadStore } from '../read-model/read-store.ts';
import type { createPositionWait } from '../read-model/wait-for-position.ts';
import {
  COUPONS_LIST,
  couponList,
  encodeSequenceCursor,
  encodeTimeCursor,
  userList,
} from './cursor.ts';
import { etagOf, isKnown } from './etag.ts';
import {
  type Freshness,
  type Parsed,
  parseById,
  parseCouponAssignments,
  parseCouponsPage,
  parseFreshness,
  parseUserAssignments,
} from './parse-query.ts';
import { toAssignmentResource, toCouponResource, toPage } from './resources.ts';

type Answer =
  | { kind: 'resource'; body: object }
  | { kind: 'list'; body: object }
  | { kind: 'problem'; problem: Problem };

const RETRY_AFTER_MS = 1_000;

/** The routes of the query API. `now`: the time that a coupon's status is told for, in milliseconds. */
export function queryRoutes(parts: {
  store: ReadStore;
  waitForPosition: ReturnType<typeof createPositionWait>;
  now: () => number;
}): Router {
  const { store, waitForPosition, now } = parts;
  const router = Router({ caseSensitive: true, strict: true });

  const serve = <Wanted>(
    path: string,
    parse: (request: Request) => Parsed<Wanted>,
    read: (wanted: Wanted) => Promise<Answer>,
  ): void => {
    router
      .route(path)
      .get(async (request, response) => {
        const wanted = parse(request);
        const freshness = parseFreshness(request.get('firstcome-position'), request.get('prefer'));
        const faults = [wanted, freshness].flatMap((one) =>
          one.kind === 'refused' ? one.faults : [],
        );
        if (wanted.kind === 'refused' || freshness.kind === 'refused') {
          sendProblem(response, problemOfFaults(faults));
          return;
        }
        const isFresh = freshness.value === null || (await isReached(freshness.value));
        send(request, response, isFresh ? await read(wanted.value) : refused('notYetProjected'));
      })
      .all(onlyMethods('GET', 'HEAD'));
  };

  const isReached = async ({ positions, waitMs }: Freshness): Promise<boolean> =>
    (await waitForPosition(positions, waitMs)).kind === 'reached';

  serve(
    '/coupons',
    ({ query }) => parseCouponsPage(query),
    async (page) => {
      const rows = await store.coupons(page);
      const nowMs = now();
      return list(
        toPage(
          rows,
          page.limit,
          (coupon) => toCouponResource(coupon, nowMs),
          ({ createdAt, id }) => encodeTimeCursor(COUPONS_LIST, { atMs: createdAt, id }),
        ),
      );
    },
  );

  serve(
    '/coupons/:couponId',
    ({ params, query }) => parseById('couponId', params.couponId, query),
    async (couponId) => {
      const coupon = await store.coupon(couponId);
      return coupon === undefined
        ? refused('couponNotFound')
        : resource(toCouponResource(coupon, now()));
    },
  );

  serve(
    '/coupons/:couponId/assignments',
    ({ params, query }) => parseCouponAssignments(params.couponId, query),
    async ({ couponId, page }) => {
      const rows = await store.assignmentsOfCoupon(couponId, page);
      // An assignment may be projected before its coupon; it proves that there is one.
      if (rows.length === 0 && (await store.coupon(couponId)) === undefined) {
        return refused('couponNotFound');
      }
      return list(
        toPage(rows, page.limit, toAssignmentResource, (row) =>
          encodeSequenceCursor(couponList(couponId), row),
        ),
      );
    },
  );

  serve(
    '/assignments/:assignmentId',
    ({ params, query }) => parseById('assignmentId', params.assignmentId, query),
    async (assignmentId) => {
      const assignment = await store.assignment(assignmentId);
      return assignment === undefined
        ? refused('assignmentNotFound')
        : resource(toAssignmentResource(assignment));
    },
  );

  serve(
    '/users/:userId/assignments',
    ({ params, query }) => parseUserAssignments(params.userId, query),
    async ({ userId, page }) =>
      list(
        toPage(
          await store.assignmentsOfUser(userId, page),
          page.limit,
          toAssignmentResource,
          ({ assignedAt, id }) => encodeTimeCursor(userList(userId), { atMs: assignedAt, id }),
        ),
      ),
  );

  return router;
}

function send(request: Request, response: Response, answer: Answer): void {
  if (answer.kind === 'problem') {
    sendProblem(response, answer.problem);
    return;
  }
  const body = JSON.stringify(answer.body);
  response.setHeader('Cache-Control', 'no-cache');
  if (answer.kind === 'resource') {
    const etag = etagOf(body);
    response.setHeader('ETag', etag);
    if (isKnown(request.get('if-none-match'), etag)) {
      response.status(304).end();
      return;
    }
  }
  response.type('application/json').send(body);
}

function resource(body: object): Answer {
  return { kind: 'resource', body };
}

function list(body: object): Answer {
  return { kind: 'list', body };
}

function refused(name: 'couponNotFound' | 'assignmentNotFound' | 'notYetProjected'): Answer {
  return {
    kind: 'problem',
    problem: name === 'notYetProjected' ? { name, retryAfterMs: RETRY_AFTER_MS } : { name },
  };
}
