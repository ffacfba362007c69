// One GET: checks what is asked for, waits until the read model is fresh enough, reads, and answers.
import type { Request, Response, Router } from 'express';
import { type Problem, problemOfFaults } from '../../contracts/problems.ts';
import { onlyMethods, sendProblem } from '../../http/app.ts';
import type { createPositionWait } from '../read-model/wait-for-position.ts';
import { etagOf, isKnown } from './etag.ts';
import { type Freshness, type ParsedQuery, parseFreshness } from './parse-query.ts';

/** What a read comes to; a resource is answered with an ETag, a list without. */
export type ReadAnswer =
  | { kind: 'resource'; body: object }
  | { kind: 'list'; body: object }
  | { kind: 'problem'; problem: Problem };

/** Adds the route of one GET: `parse` finds what is wanted in the request, `read` reads it. */
export type ServeRead = <Wanted>(
  path: string,
  parse: (request: Request) => ParsedQuery<Wanted>,
  read: (wanted: Wanted) => Promise<ReadAnswer>,
) => void;

const RETRY_AFTER_MS = 1_000;

/** Adds reads to `router`. Every fault of a request is named in its one answer. */
export function createServeRead(
  router: Router,
  waitForPosition: ReturnType<typeof createPositionWait>,
): ServeRead {
  const isReached = async ({ positions, waitMs }: Freshness): Promise<boolean> =>
    (await waitForPosition(positions, waitMs)).kind === 'reached';

  return (path, parse, read) => {
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
        send(request, response, isFresh ? await read(wanted.value) : NOT_YET_PROJECTED);
      })
      .all(onlyMethods('GET', 'HEAD'));
  };
}

/** The tables are not as far as what the caller has seen already. */
export const NOT_YET_PROJECTED: ReadAnswer = {
  kind: 'problem',
  problem: { name: 'notYetProjected', retryAfterMs: RETRY_AFTER_MS },
};

function send(request: Request, response: Response, answer: ReadAnswer): void {
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
