// The write endpoints: one route for each command.
import { Router } from 'express';
import { onlyMethods } from '../../http/app.ts';
import type { CommandHandlers } from '../commands/command-handlers.ts';
import { assignRoute } from './assignment/assign-route.ts';
import { type HttpRoute, toHttpRoute } from './command-route.ts';
import { createRoute } from './coupon/create-route.ts';

/** The routes of all commands. `queryApiUrl`: where the `Location` of an answer points. */
export function commandRoutes(
  commands: CommandHandlers,
  newAssignmentId: () => string,
  queryApiUrl: string,
): HttpRoute[] {
  return [
    toHttpRoute(createRoute(commands.createCoupon), queryApiUrl),
    toHttpRoute(assignRoute(commands.assignCoupon, newAssignmentId), queryApiUrl),
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
