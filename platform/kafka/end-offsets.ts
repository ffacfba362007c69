// Looking at the end of a topic, once for all who ask at the same time.
import type { Admin } from 'kafkajs';
import { AppError, messageOf } from '../errors.ts';

/** By partition: the offset that the next record will get. */
export type TopicEnds = ReadonlyMap<number, bigint>;

/**
 * A reader of a topic's ends. Each call is answered by a look that began after the call: callers
 * that come while a look is under way share the next one.
 * @throws (the reader) AppError KAFKA_UNAVAILABLE, retriable, also when the look takes over `timeoutMs`
 */
export function createTopicEndsReader(
  admin: Pick<Admin, 'fetchTopicOffsets'>,
  topic: string,
  timeoutMs: number,
): () => Promise<TopicEnds> {
  let running: Promise<TopicEnds> | undefined;
  let following: Promise<TopicEnds> | undefined;

  const look = async (): Promise<TopicEnds> => {
    const limit = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => limit.reject(new Error(`no answer in ${timeoutMs} ms`)),
      timeoutMs,
    );
    try {
      const ends = await Promise.race([admin.fetchTopicOffsets(topic), limit.promise]);
      return new Map(ends.map(({ partition, high }) => [partition, BigInt(high)]));
    } catch (cause) {
      throw new AppError('KAFKA_UNAVAILABLE', `the end of ${topic}: ${messageOf(cause)}`, {
        cause,
        retriable: true,
      });
    } finally {
      clearTimeout(timer);
    }
  };

  const start = (): Promise<TopicEnds> => {
    const current = look().finally(() => {
      if (running === current) running = undefined;
    });
    running = current;
    return current;
  };

  return () => {
    if (running === undefined) return start();
    if (following === undefined) {
      const next: Promise<TopicEnds> = running
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
