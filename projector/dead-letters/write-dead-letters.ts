// Records that can never be applied, written to their dead letter topics.
import { toDeadLetterRecord } from '../../contracts/dead-letter.ts';
import { demandOffsets, type RecordProducer } from '../../platform/kafka/producer.ts';
import type { Logger } from '../../platform/logger.ts';
import type { DeadLetter } from '../consumed-record.ts';

/**
 * Writes dead letters.
 * @throws AppError KAFKA_UNAVAILABLE (retriable) when not all of them were acknowledged in time;
 * some may be there then, and will be there twice
 */
export type WriteDeadLetters = (deadLetters: readonly DeadLetter[]) => Promise<void>;

const WRITE_LIMIT_MS = 10_000;

/** A writer over a producer. `now`: milliseconds since 1970. */
export function createDeadLetterWriter(parts: {
  producer: Pick<RecordProducer, 'send'>;
  topicPrefix: string;
  now: () => number;
  logger: Logger;
}): WriteDeadLetters {
  const { producer, topicPrefix, now, logger } = parts;
  return async (deadLetters) => {
    if (deadLetters.length === 0) return;
    const failedAtMs = now();
    const records = deadLetters.map(({ record, poison, highestMarker }) => {
      const origin = { ...record, poison, highestMarker, failedAtMs };
      const { topic, ...toSend } = toDeadLetterRecord(origin, record);
      return { topic: topicPrefix + topic, ...toSend };
    });
    const outcome = await producer.send(records, { timeoutMs: WRITE_LIMIT_MS });
    demandOffsets(outcome, "the dead letter topic can't be written");
    for (const { record, poison } of deadLetters) {
      const { topic, partition, offset } = record;
      logger.error({ topic, partition, offset: String(offset), ...poison }, 'dead letter');
    }
  };
}
