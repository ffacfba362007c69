// Records that can never be applied, written to their dead letter topics.
import type { Producer } from 'kafkajs';
import { toDeadLetterMessage } from '../../contracts/dead-letter.ts';
import { sendAcknowledged } from '../../platform/kafka/send-acknowledged.ts';
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
  producer: Pick<Producer, 'connect' | 'sendBatch'>;
  topicPrefix: string;
  now: () => number;
  logger: Logger;
}): WriteDeadLetters {
  const { producer, topicPrefix, now, logger } = parts;
  return async (deadLetters) => {
    if (deadLetters.length === 0) return;
    const failedAtMs = now();
    const topicMessages = deadLetters.map(({ record, poison, highestMarker }) => {
      const origin = { ...record, poison, highestMarker, failedAtMs };
      const { topic, messages } = toDeadLetterMessage(origin, record);
      return { topic: topicPrefix + topic, messages };
    });
    await sendAcknowledged(producer, topicMessages, {
      what: 'the dead letter topic',
      limitMs: WRITE_LIMIT_MS,
    });
    for (const { record, poison } of deadLetters) {
      const { topic, partition, offset } = record;
      logger.error({ topic, partition, offset: String(offset), ...poison }, 'dead letter');
    }
  };
}
