// What happens to an event that the log can never accept: it becomes a dead letter, and only then
// leaves its outbox. The first of the two does not happen without the second for long: the relay
// finds the event in the outbox and it comes here again.
import type { Redis } from 'ioredis';
import { type Kafka, Partitioners } from 'kafkajs';
import { toDeadLetterHeaders } from '../../contracts/dead-letter.ts';
import type { RedisKeys } from '../../contracts/redis-keys.ts';
import { deadLetterTopicOf } from '../../contracts/topics.ts';
import { AppError } from '../../platform/errors.ts';
import { demandAcknowledged, disconnectSoon } from '../../platform/kafka/client.ts';
import type { Logger } from '../../platform/logger.ts';
import { createScript, redisUnavailable } from '../../platform/redis.ts';
import type { CommandMetrics } from '../metrics.ts';
import type { PreparedEvent } from './log-writer.ts';

/**
 * Sets a refused event aside: it goes to the dead letter topic, and is then taken out of the outbox.
 * One that was set aside before is left as it is.
 * @throws AppError KAFKA_UNAVAILABLE when the letter was not acknowledged, REDIS_UNAVAILABLE (both
 * retriable); the event is still in the outbox then
 */
export type SetAside = (refused: PreparedEvent, reason: string) => Promise<void>;

const LETTER_LIMIT_MS = 10_000;

/** Sets events of this Redis and this log aside. */
export function createSetAside(parts: {
  redis: Redis;
  keys: RedisKeys;
  kafka: Kafka;
  topicPrefix: string;
  metrics: CommandMetrics;
  logger: Logger;
}): SetAside {
  const { redis, keys, metrics, logger } = parts;
  const takeOut = createScript(redis, new URL('./quarantine.lua', import.meta.url));
  return async (refused, reason) => {
    const { eventId, couponId, epoch } = refused.event;
    const outbox = keys.outbox(couponId);
    const waitsSince = await redis.zscore(outbox, eventId).catch((cause: unknown) => {
      throw redisUnavailable(cause);
    });
    if (waitsSince === null) return;
    await writeLetter(parts, refused, reason);
    await takeOut([keys.gate, keys.coupon(couponId), outbox], [epoch, eventId]);
    metrics.refused();
    logger.error({ eventId, couponId, reason }, 'the log refuses an event: dead letter');
  };
}

/** A producer for this letter alone: there may never be another. */
async function writeLetter(
  { kafka, topicPrefix }: { kafka: Kafka; topicPrefix: string },
  { topic, partition, key, value, traceparent }: PreparedEvent,
  reason: string,
): Promise<void> {
  const headers = toDeadLetterHeaders({
    topic,
    partition,
    offset: null,
    poison: { code: 'EVENT_REFUSED', reason, attempts: 1 },
    failedAtMs: Date.now(),
    highestMarker: null,
    headers: traceparent === null ? {} : { traceparent },
  });
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  const limit = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => limit.reject(new Error(`no acknowledgement in ${LETTER_LIMIT_MS} ms`)),
    LETTER_LIMIT_MS,
  );
  try {
    const letter = {
      topic: topicPrefix + deadLetterTopicOf(topic),
      messages: [{ partition, key, value, headers }],
    };
    const sent = producer.connect().then(() => producer.send({ ...letter, acks: -1 }));
    demandAcknowledged([letter], await Promise.race([sent, limit.promise]));
  } catch (cause) {
    const reason = "the dead letter topic can't be written";
    throw new AppError('KAFKA_UNAVAILABLE', reason, { cause, retriable: true });
  } finally {
    clearTimeout(timer);
    await disconnectSoon(producer);
  }
}
