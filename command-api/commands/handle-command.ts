// What the stories of all commands share: who may decide now, and what an unknown outcome is.
import type { Position } from '../../contracts/position.ts';
import type { EventTopic } from '../../contracts/topics.ts';
import { AppError } from '../../platform/errors.ts';
import type { Gate } from '../gate/gate.ts';
import type { Publisher } from '../outbox/publisher.ts';
import type { WriteModel } from '../write-model/write-model.ts';

/** Where the requests of this process are decided. */
export type Desk = {
  gate: Gate;
  publisher: Publisher;
  writeModel: WriteModel;
  /** An id for an assignment that may be made. */
  newAssignmentId: () => string;
  /** The last positions of a topic; none when the brokers do not tell. */
  endOf(topic: EventTopic): Promise<Position[]>;
  /** Requests that may be on their way at once, and how many are. */
  load: { max: number; current: number };
};

/**
 * Nothing was decided (`closed`, `overloaded`), or it is not known yet whether the decision stands
 * (`outcome-unknown`): asking again, with the same key or as the same user, tells. What the log
 * refuses (`refused-by-log`) does not stand, and may stand once operators have mended that.
 */
export type NoAnswer =
  | { kind: 'closed' }
  | { kind: 'overloaded' }
  | { kind: 'outcome-unknown' }
  | { kind: 'refused-by-log' };

/** What a caller is told of an event that is not true, or not known to be. */
export function noAnswerOf({ kind }: { kind: 'unknown' | 'refused' }): NoAnswer {
  return { kind: kind === 'refused' ? 'refused-by-log' : 'outcome-unknown' };
}

/** Is as much on its way as may be? */
export function isFull({ publisher, load }: Pick<Desk, 'publisher' | 'load'>): boolean {
  return Math.max(load.current, publisher.waiting()) >= load.max;
}

/**
 * Runs a command's story in the gate's epoch. A closed gate and a full house are refused before
 * anything is reserved, and so is what Redis itself refuses; a lost or late reply of Redis leaves the
 * outcome unknown.
 */
export async function whenAdmitted<T extends { kind: string }>(
  desk: Desk,
  story: (epoch: number) => Promise<T>,
): Promise<T | NoAnswer> {
  const { gate, load } = desk;
  const state = gate.state();
  if (state.kind === 'closed') return { kind: 'closed' };
  if (isFull(desk)) return { kind: 'overloaded' };
  load.current += 1;
  try {
    return await story(state.epoch);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (error.code === 'REDIS_REFUSED') return { kind: 'closed' };
    if (error.code === 'REDIS_UNAVAILABLE') return { kind: 'outcome-unknown' };
    throw error;
  } finally {
    load.current -= 1;
  }
}
