// The story of `POST /coupons/{id}/assign`: decide, emit, confirm, and only then it is true.

import type { Position } from '../../../contracts/position.ts';
import { ASSIGN_TOPIC } from '../../../contracts/topics.ts';
import type { AssignCoupon } from '../../../domain/commands.ts';
import type { CouponEvent } from '../../../domain/coupon-events.ts';
import type { AssignOutcome, HeldAssignment } from '../../write-model/write-model.ts';
import { type Desk, type NoAnswer, noAnswerOf, whenAdmitted } from '../handle-command.ts';

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
  const emit = async (
    event: CouponEvent,
    assignment: HeldAssignment,
    replayed: boolean,
  ): Promise<AssignAnswer> => {
    const published = await desk.publisher.publish(event, traceparent);
    return published.kind === 'confirmed'
      ? { kind: 'assigned', assignment, replayed, positions: [published.position] }
      : noAnswerOf(published);
  };

  return whenAdmitted(desk, async (epoch): Promise<AssignAnswer> => {
    const outcome = await desk.writeModel.assign(command, epoch);
    switch (outcome.kind) {
      case 'accepted': {
        const { event } = outcome;
        const { assignmentId, sequence, occurredAt } = event;
        return emit(event, { assignmentId, sequence, assignedAt: occurredAt }, false);
      }
      case 'repeat': {
        const { assignment, waiting } = outcome;
        return waiting === null
          ? tell(desk, command.couponId, epoch, assignment)
          : emit(waiting, assignment, true);
      }
      case 'limit-reached': {
        // Only what is true for ever may be named as the reason of a refusal (docs/guarantees.md P5).
        const published = await Promise.all(
          outcome.waiting.map((event) => desk.publisher.publish(event, traceparent)),
        );
        const doubtful = published.find(({ kind }) => kind !== 'confirmed');
        return doubtful === undefined || doubtful.kind === 'confirmed'
          ? { kind: 'limit-reached', held: outcome.held }
          : noAnswerOf(doubtful);
      }
      default:
        return outcome;
    }
  });
}

/** An assignment that was confirmed before. Perhaps nobody was told of it; from now on it is told. */
async function tell(
  { writeModel, endOf }: Desk,
  couponId: string,
  epoch: number,
  assignment: HeldAssignment,
): Promise<AssignAnswer> {
  const answered = [assignment.assignmentId];
  const [confirmed, positions] = await Promise.all([
    writeModel.confirm({ couponId, epoch, creationId: null, answered, untold: [] }),
    endOf(ASSIGN_TOPIC),
  ]);
  return confirmed.kind === 'closed'
    ? { kind: 'outcome-unknown' }
    : { kind: 'assigned', assignment, replayed: true, positions };
}
