// The story of `POST /coupons/{id}/assign`: decide, emit, confirm, and only then it is true.
import type { AssignCoupon } from '../domain/commands.ts';
import type { Position } from '../domain/position.ts';
import { ASSIGN_TOPIC } from '../domain/topics.ts';
import { type Desk, type NoAnswer, whenAdmitted } from './desk.ts';
import type { AssignOutcome, HeldAssignment } from './write-model.ts';

export type AssignAnswer =
  | { kind: 'assigned'; assignment: HeldAssignment; replayed: boolean; positions: Position[] }
  | { kind: 'limit-reached'; held: HeldAssignment[] }
  | Exclude<AssignOutcome, { kind: 'accepted' | 'repeat' | 'limit-reached' }>
  | NoAnswer;

/** Gives one unit to a user. `traceparent`: the caller's trace, kept with the event. */
export function assignCoupon(
  desk: Desk,
  command: AssignCoupon,
  traceparent: string | null,
): Promise<AssignAnswer> {
  return whenAdmitted(desk, async (epoch): Promise<AssignAnswer> => {
    const outcome = await desk.writeModel.assign(command, epoch);
    switch (outcome.kind) {
      case 'accepted': {
        const { assignmentId, sequence, occurredAt } = outcome.event;
        const published = await desk.publisher.publish(outcome.event, traceparent);
        if (published.kind === 'unknown') return { kind: 'outcome-unknown' };
        const assignment = { assignmentId, sequence, assignedAt: occurredAt };
        return { kind: 'assigned', assignment, replayed: false, positions: [published.position] };
      }
      case 'repeat': {
        const { assignment, waiting } = outcome;
        if (waiting === null) {
          const positions = await desk.endOf(ASSIGN_TOPIC);
          return { kind: 'assigned', assignment, replayed: true, positions };
        }
        const published = await desk.publisher.publish(waiting, traceparent);
        if (published.kind === 'unknown') return { kind: 'outcome-unknown' };
        return { kind: 'assigned', assignment, replayed: true, positions: [published.position] };
      }
      case 'limit-reached': {
        // Only what is true for ever may be named as the reason of a refusal (protocol.md P5).
        const published = await Promise.all(
          outcome.waiting.map((event) => desk.publisher.publish(event, traceparent)),
        );
        return published.every(({ kind }) => kind === 'confirmed')
          ? { kind: 'limit-reached', held: outcome.held }
          : { kind: 'outcome-unknown' };
      }
      default:
        return outcome;
    }
  });
}
