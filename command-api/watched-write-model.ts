// A refusal by a script is news for the gate, whoever called the script.
import type { Suspect } from './gate.ts';
import type { WriteModel } from './write-model.ts';

/** `writeModel`, with `onClosed` called for each coupon that a script found closed in its epoch. */
export function watchWriteModel(
  writeModel: WriteModel,
  onClosed: (suspect: Suspect) => void,
): WriteModel {
  const watch = <T extends { kind: string }>(outcome: T, suspect: Suspect): T => {
    if (outcome.kind === 'closed') onClosed(suspect);
    return outcome;
  };
  return {
    create: async (command, epoch) =>
      watch(await writeModel.create(command, epoch), { couponId: command.couponId, epoch }),
    assign: async (command, epoch) =>
      watch(await writeModel.assign(command, epoch), { couponId: command.couponId, epoch }),
    confirm: async (confirmation) => watch(await writeModel.confirm(confirmation), confirmation),
  };
}
