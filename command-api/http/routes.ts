// The write endpoints: one route for each command.
import { Router } from 'express';
import { onlyMethods } from '../../http/app.ts';
import type { CommandHandlers } from '../commands/command-handlers.ts';
import { assignRoute } from './assignment/assign-route.ts';
import { type HttpRoute, type RouteContext, toHttpRoute } from './command-route.ts';
import { createRoute } from './coupon/create-route.ts';

/** The routes of all commands. */
export function commandRoutes(
  commands: CommandHandlers,
  newAssignmentId: () => string,
  context: RouteContext,
): HttpRoute[] {
  return [
    toHttpRoute(createRoute(commands.createCoupon), context),
    toHttpRoute(assignRoute(commands.assignCoupon, newAssignmentId), context),
  ];
}

/** A router that serves them. */
export function commandRouter(routes: readonly HttpRoute[]): Router {
  const router = Router();
  for (const { path, handler } of routes) {
    router.route(path).post(handler).all(onlyMethods('POST'));
  }
  return router;
}
