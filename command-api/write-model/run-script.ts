// A refusal by a script is news for the gate, and one by Redis itself for whoever reads the log.
import { AppError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { replyErrorOf } from '../../platform/redis.ts';
import type { Suspect } from '../gate/gate.ts';
import type { WriteModel } from './write-model.ts';

/** An error of one kind is logged once in this time: every request may meet it. */
const QUIET_MS = 60_000;

/** `writeModel`, with `onClosed` called for each coupon that a script found closed in its epoch. */
export function watchWriteModel(
  writeModel: WriteModel,
  onClosed: (suspect: Suspect) => void,
  logger: Logger,
): WriteModel {
  const loggedAtMs = new Map<string, number>();
  const tell = (error: unknown): void => {
    const kind = error instanceof AppError ? replyErrorOf(error.cause) : null;
    if (kind === null || !(error instanceof AppError)) return;
    const nowMs = performance.now();
    if (nowMs - (loggedAtMs.get(kind) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return;
    loggedAtMs.set(kind, nowMs);
    logger.error(
      { code: error.code, reason: error.message },
      'Redis answers scripts with an error',
    );
  };
  const watch = async <T extends { kind: string }>(
    calling: Promise<T>,
    suspect: Suspect,
  ): Promise<T> => {
    try {
      const outcome = await calling;
      if (outcome.kind === 'closed') onClosed(suspect);
      return outcome;
    } catch (error) {
      tell(error);
      throw error;
    }
  };
  return {
    create: (command, epoch) =>
      watch(writeModel.create(command, epoch), { couponId: command.couponId, epoch }),
    assign: (command, epoch) =>
      watch(writeModel.assign(command, epoch), { couponId: command.couponId, epoch }),
    confirm: (confirmation) => watch(writeModel.confirm(confirmation), confirmation),
  };
}
