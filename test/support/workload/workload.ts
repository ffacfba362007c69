// Users who each want one unit over plain HTTP, and ask again with the same key until they are answered.
import { setTimeout as pause } from 'node:timers/promises';
import { type Answer, assign } from '../system/api.ts';

export type Workload = {
  /** The last answer of each user. */
  answers: Map<string, Answer>;
  accepted: () => Answer[];
  /** How many requests were sent again. */
  repeats: number;
};

/** Asks again after this when the answer does not say when, or there is none. */
const PATIENCE_MS = 100;

/**
 * Sends every user once, `atOnce` at a time; after no answer or a 503 the same user asks again with
 * the same key. `onAccepted` gets how many have a unit so far.
 * @throws Error when a user is not answered after `limitMs`
 */
export async function sendWorkload(
  commandApi: () => string,
  couponId: string,
  users: readonly string[],
  options: { atOnce: number; limitMs?: number; onAccepted?: (count: number) => void },
): Promise<Workload> {
  const workload: Workload = {
    answers: new Map(),
    accepted: () => [...workload.answers.values()].filter(({ status }) => status === 201),
    repeats: 0,
  };
  const waiting = [...users];
  let accepted = 0;
  const sendNext = async (): Promise<void> => {
    for (let user = waiting.shift(); user !== undefined; user = waiting.shift()) {
      const answer = await askForUnit(
        workload,
        commandApi,
        couponId,
        user,
        options.limitMs ?? 90_000,
      );
      workload.answers.set(user, answer);
      if (answer.status === 201) {
        accepted += 1;
        options.onAccepted?.(accepted);
      }
    }
  };
  await Promise.all(Array.from({ length: options.atOnce }, sendNext));
  return workload;
}

async function askForUnit(
  workload: Workload,
  commandApi: () => string,
  couponId: string,
  user: string,
  limitMs: number,
): Promise<Answer> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const answer = await assign(commandApi(), couponId, user, {
      'Idempotency-Key': `of-${user}`,
    }).catch(() => undefined);
    if (answer !== undefined && answer.status !== 503) return answer;
    if (performance.now() > deadline) throw new Error(`${user} was not answered in ${limitMs} ms`);
    workload.repeats += 1;
    await pause(answer?.body.retryAfterMs ?? PATIENCE_MS);
  }
}
