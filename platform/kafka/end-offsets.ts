// Looking at the end offsets of a topic, once for all who ask at the same time.
import { withDeadline } from '../deadline.ts';
import { AppError, messageOf } from '../errors.ts';
import type { EndOffsets, KafkaAdmin } from './admin.ts';

/**
 * A reader of a topic's end offsets. Each call is answered by a look that began after the call: callers
 * that come while a look is under way share the next one.
 * @throws (the reader) AppError KAFKA_UNAVAILABLE, retriable, also when the look takes over `timeoutMs`
 */
export function createEndOffsetsReader(
  admin: Pick<KafkaAdmin, 'endOffsets'>,
  topic: string,
  timeoutMs: number,
): () => Promise<EndOffsets> {
  let running: Promise<EndOffsets> | undefined;
  let following: Promise<EndOffsets> | undefined;

  const look = async (): Promise<EndOffsets> => {
    const late = (): Error => new Error(`no answer in ${timeoutMs} ms`);
    try {
      return await withDeadline(admin.endOffsets(topic), timeoutMs, late);
    } catch (cause) {
      throw new AppError('KAFKA_UNAVAILABLE', `the end of ${topic}: ${messageOf(cause)}`, {
        cause,
        retriable: true,
      });
    }
  };

  const start = (): Promise<EndOffsets> => {
    const current = look().finally(() => {
      if (running === current) running = undefined;
    });
    running = current;
    return current;
  };

  return () => {
    if (running === undefined) return start();
    if (following === undefined) {
      const next: Promise<EndOffsets> = running
        .catch(() => undefined)
        .then(() => {
          following = undefined;
          return start();
        });
      following = next;
    }
    return following;
  };
}
