// From an HTTP request to a command, and from its answer back, once for all commands. The only place of
// this process that knows a status of success; contracts/problems.ts knows the others.
import type { RequestHandler, Response } from 'express';
import { formatPositions } from '../../contracts/position.ts';
import { type Problem, problemOfFaults } from '../../contracts/problems.ts';
import { sendJson, sendProblem, traceparentOf } from '../../http/app.ts';
import {
  type Answer,
  type CommandHandler,
  type Confirmed,
  isConfirmed,
  isNoAnswer,
} from '../commands/handle-command.ts';
import type { MarkAnswered } from '../write-model/answered.ts';
import { problemOfNoAnswer } from './answers.ts';
import type { Parsed } from './request-fields.ts';

/** What of a request makes a command. */
type CommandInput = {
  params: Record<string, string | undefined>;
  body: unknown;
  idempotencyKey: string | undefined;
};

/** What is particular to the route of one command. */
export type CommandRoute<
  Request,
  Command,
  Success extends { kind: string },
  Refusal extends { kind: string },
> = {
  /** The command's, in metrics. */
  name: string;
  /** As express matches it. */
  path: string;
  /** Every fault of the input, or what it asks for. Pure. */
  parse(input: CommandInput): Parsed<Request>;
  /** Adds what the request does not say: ids. */
  toCommand(request: Request): Command;
  handle: CommandHandler<Command, Success, Refusal>;
  /** What was made: its path at the query API, and the body that shows it. */
  toResource(command: Command, success: Success): { path: string; body: object };
  toProblem(command: Command, refusal: Refusal): Problem;
};

/** A route that express can serve: `POST` to `path`. */
export type HttpRoute = { name: string; path: string; handler: RequestHandler };

/** What all routes of commands share. */
export type RouteContext = {
  /** Where the `Location` of an answer points. */
  queryApiUrl: string;
  /** Told of each success that was written to an open connection. */
  markAnswered: MarkAnswered;
};

/** Serves the route of a command. */
export function toHttpRoute<
  Request,
  Command extends { couponId: string },
  Success extends { kind: string },
  Refusal extends { kind: string },
>(
  route: CommandRoute<Request, Command, Success, Refusal>,
  { queryApiUrl, markAnswered }: RouteContext,
): HttpRoute {
  const send = (response: Response, command: Command, answer: Answer<Success, Refusal>): void => {
    if (isNoAnswer(answer)) {
      sendProblem(response, problemOfNoAnswer(answer));
    } else if (isConfirmed(answer)) {
      const { path, body } = route.toResource(command, answer);
      markSuccess(response, queryApiUrl + path, answer);
      // Only then: a caller that hung up has to find the same answer when asking again.
      response.once('finish', () => markAnswered(command.couponId, answer.eventId));
      sendJson(response, 201, JSON.stringify(body));
    } else {
      sendProblem(response, route.toProblem(command, answer));
    }
  };
  return {
    name: route.name,
    path: route.path,
    handler: async (request, response) => {
      const parsed = route.parse({
        params: request.params as CommandInput['params'],
        body: request.body,
        idempotencyKey: request.get('Idempotency-Key'),
      });
      if (parsed.kind === 'refused') return sendProblem(response, problemOfFaults(parsed.faults));
      const command = route.toCommand(parsed.request);
      send(response, command, await route.handle(command, traceparentOf(response)));
    },
  };
}

function markSuccess(
  response: Response,
  location: string,
  { replayed, positions }: Pick<Confirmed<{ kind: string }>, 'replayed' | 'positions'>,
): void {
  response.setHeader('Location', location);
  if (positions.length > 0) response.setHeader('Firstcome-Position', formatPositions(positions));
  if (replayed) response.setHeader('Idempotency-Replayed', 'true');
}
