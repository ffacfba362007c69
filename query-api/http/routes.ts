// HTTP to reads, outcomes to status; nothing else.
import { Router } from 'express';
import type { ReadStore } from '../read-model/read-store.ts';
import type { createPositionWait } from '../read-model/wait-for-position.ts';
import {
  COUPONS_LIST,
  couponList,
  encodeSequenceCursor,
  encodeTimeCursor,
  userList,
} from './cursor.ts';
import {
  parseById,
  parseCouponAssignments,
  parseCouponsPage,
  parseUserAssignments,
} from './parse-query.ts';
import { toAssignmentResource, toCouponResource, toPage } from './resources.ts';
import {
  createServeRead,
  NOT_YET_PROJECTED,
  type ReadAnswer,
  type ServeRead,
} from './serve-read.ts';

/** The routes of the query API. `now`: the time at which a coupon has its status, in milliseconds. */
export function queryRoutes(parts: {
  store: ReadStore;
  waitForPosition: ReturnType<typeof createPositionWait>;
  now: () => number;
}): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const serve = createServeRead(router, parts.waitForPosition);
  serveCoupons(serve, parts.store, parts.now);
  serveAssignments(serve, parts.store);
  return router;
}

function serveCoupons(serve: ServeRead, store: ReadStore, now: () => number): void {
  serve(
    '/coupons',
    ({ query }) => parseCouponsPage(query),
    async (page) => {
      const walked = await store.coupons(page);
      if (walked.kind === 'not-yet-projected') return NOT_YET_PROJECTED;
      const nowMs = now();
      return list(
        toPage(
          walked,
          (coupon) => toCouponResource(coupon, nowMs),
          (next) => encodeTimeCursor(COUPONS_LIST, next),
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
        ? notFound('couponNotFound')
        : resource(toCouponResource(coupon, now()));
    },
  );
}

function serveAssignments(serve: ServeRead, store: ReadStore): void {
  serve(
    '/coupons/:couponId/assignments',
    ({ params, query }) => parseCouponAssignments(params.couponId, query),
    async ({ couponId, page }) => {
      const walked = await store.assignmentsOfCoupon(couponId, page);
      if (walked.kind === 'not-yet-projected') return NOT_YET_PROJECTED;
      // An assignment may be projected before its coupon; it proves that there is one.
      if (walked.rows.length === 0 && (await store.coupon(couponId)) === undefined) {
        return notFound('couponNotFound');
      }
      return list(
        toPage(walked, toAssignmentResource, (next) =>
          encodeSequenceCursor(couponList(couponId), next),
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
        ? notFound('assignmentNotFound')
        : resource(toAssignmentResource(assignment));
    },
  );

  serve(
    '/users/:userId/assignments',
    ({ params, query }) => parseUserAssignments(params.userId, query),
    async ({ userId, page }) => {
      const walked = await store.assignmentsOfUser(userId, page);
      if (walked.kind === 'not-yet-projected') return NOT_YET_PROJECTED;
      return list(
        toPage(walked, toAssignmentResource, (next) => encodeTimeCursor(userList(userId), next)),
      );
    },
  );
}

function resource(body: object): ReadAnswer {
  return { kind: 'resource', body };
}

function list(body: object): ReadAnswer {
  return { kind: 'list', body };
}

function notFound(name: 'couponNotFound' | 'assignmentNotFound'): ReadAnswer {
  return { kind: 'problem', problem: { name } };
}
