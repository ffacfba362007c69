// The story of `POST /coupons`: decide, emit, confirm, and only then it is true.

import type { Position } from '../../../contracts/position.ts';
import { LIFECYCLE_TOPIC } from '../../../contracts/topics.ts';
import type { CreateCoupon } from '../../../domain/commands.ts';
import type { CreateOutcome } from '../../write-model/write-model.ts';
import { type Desk, type NoAnswer, noAnswerOf, whenAdmitted } from '../handle-command.ts';

export type CreateAnswer =
  | { kind: 'created'; createdAt: number; replayed: boolean; positions: Position[] }
  | Exclude<CreateOutcome, { kind: 'accepted' | 'repeat' }>
  | NoAnswer;

/** Puts a coupon up. `traceparent`: the caller's trace, kept with the event. */
export function createCoupon(
  desk: Desk,
  command: CreateCoupon,
  traceparent: string | null,
): Promise<CreateAnswer> {
  return whenAdmitted(desk, async (epoch): Promise<CreateAnswer> => {
    const outcome = await desk.writeModel.create(command, epoch);
    if (outcome.kind !== 'accepted' && outcome.kind !== 'repeat') return outcome;

    const replayed = outcome.kind === 'repeat';
    const createdAt = replayed ? outcome.createdAt : outcome.event.occurredAt;
    const waiting = replayed ? outcome.waiting : outcome.event;
    if (waiting === null) {
      return { kind: 'created', createdAt, replayed, positions: await desk.endOf(LIFECYCLE_TOPIC) };
    }
    const published = await desk.publisher.publish(waiting, traceparent);
    if (published.kind !== 'confirmed') return noAnswerOf(published);
    return { kind: 'created', createdAt, replayed, positions: [published.position] };
  });
}
