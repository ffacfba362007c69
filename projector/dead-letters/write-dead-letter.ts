// A record that can never be applied, written to its dead letter topic.
import type { Producer } from 'kafkajs';
import { toDeadLetterHeaders } from '../../contracts/dead-letter.ts';
import { deadLetterTopicOf } from '../../contracts/topics.ts';
import { AppError, messageOf } from '../../platform/errors.ts';
import { demandAcknowledged } from '../../platform/kafka/client.ts';
import type { Logger } from '../../platform/logger.ts';
import type { DeadLetter } from '../consumer/log-record.ts';

const WRITE_LIMIT_MS = 10_000;

/**
 * Writes dead letters.
 * @throws AppError KAFKA_UNAVAILABLE (retriable) when not all of them were acknowledged in time;
 * some may be there then, and will be there twice
 */
export type WriteDeadLetters = (letters: readonly DeadLetter[]) => Promise<void>;

/** A writer over a connected producer. `now`: milliseconds since 1970. */
export function createDeadLetterWriter(parts: {
  producer: Pick<Producer, 'sendBatch'>;
  topicPrefix: string;
  now: () => number;
  logger: Logger;
}): WriteDeadLetters {
  const { producer, topicPrefix, now, logger } = parts;
  return async (letters) => {
    if (letters.length === 0) return;
    const failedAtMs = now();
    const topicMessages = letters.map((letter) => ({
      topic: topicPrefix + deadLetterTopicOf(letter.record.topic),
      messages: [
        {
          partition: letter.record.partition,
          key: letter.record.key,
          value: letter.record.value,
          headers: toDeadLetterHeaders({
            ...letter.record,
            poison: letter.poison,
            highestMarker: letter.highestMarker,
            failedAtMs,
          }),
        },
      ],
    }));
    const sent = producer.sendBatch({ acks: -1, topicMessages });
    await acknowledged(sent.then((answers) => demandAcknowledged(topicMessages, answers)));
    for (const { record, poison } of letters) {
      const { topic, partition, offset } = record;
      logger.error({ topic, partition, offset: String(offset), ...poison }, 'dead letter');
    }
  };
}

async function acknowledged(sent: Promise<unknown>): Promise<void> {
  const limit = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => limit.reject(new Error(`no acknowledgement in ${WRITE_LIMIT_MS} ms`)),
    WRITE_LIMIT_MS,
  );
  // The loser of the race must not become an unhandled rejection.
  sent.catch(() => undefined);
  try {
    await Promise.race([sent, limit.promise]);
  } catch (cause) {
    const reason = `the dead letter topic can't be written: ${messageOf(cause)}`;
    throw new AppError('KAFKA_UNAVAILABLE', reason, { cause, retriable: true });
  } finally {
    clearTimeout(timer);
  }
}
