import { expect } from 'chai';
import { parseVerifySettings } from '../../../verifier/settings.ts';
import { verify } from '../../../verifier/verify.ts';
import type { Workload } from '../workload/workload.ts';
import type { System } from './system.ts';

/** Every invariant holds for this coupon, compared with the answers that its users got. */
export async function expectVerified(
  system: System,
  couponId: string,
  workload: Workload,
): Promise<void> {
  const accepted = workload.accepted().map(({ body }) => ({
    assignmentId: body.assignmentId,
    userId: body.userId,
    sequence: body.sequence,
    assignedAt: Date.parse(body.assignedAt),
  }));
  const verification = await verify(parseVerifySettings(system.variables), {
    couponId,
    waitMs: 90_000,
    ledger: { couponId, accepted, unknownUsers: new Set(), answers: [], clockDoubtMs: 0 },
  });
  const broken = verification.findings.filter(({ ok }) => !ok);
  expect(broken, JSON.stringify(broken, undefined, 2)).to.deep.equal([]);
  expect(verification.notArrived).to.deep.equal([]);
}
