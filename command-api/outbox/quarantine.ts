// What happens to an event that the log can never accept: it becomes a dead letter, and only then
// leaves its outbox. The first of the two does not happen without the second for long: the relay
// finds the event in the outbox and it comes here again.
import type { Redis } from 'ioredis';
import { type Kafka, Partitioners } from 'kafkajs';
import { type DeadLetterOrigin, toDeadLetterMessage } from '../../contracts/dead-letter.ts';
import type { RedisKeys } from '../../contracts/redis-keys.ts';
import { disconnectSoon } from '../../platform/kafka/client.ts';
import { sendAcknowledged } from '../../platform/kafka/send-acknowledged.ts';
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

const WRITE_LIMIT_MS = 10_000;

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
    await writeDeadLetter(parts, refused, reason);
    await takeOut([keys.gate, keys.coupon(couponId), outbox], [epoch, eventId]);
    metrics.refused();
    logger.error({ eventId, couponId, reason }, 'the log refuses an event: dead letter');
  };
}

/** A producer for this dead letter alone: there may never be another. */
async function writeDeadLetter(
  { kafka, topicPrefix }: { kafka: Kafka; topicPrefix: string },
  refused: PreparedEvent,
  reason: string,
): Promise<void> {
  const { topic, partition, traceparent } = refused;
  const origin: DeadLetterOrigin = {
    topic,
    partition,
    offset: null,
    poison: { code: 'EVENT_REFUSED', reason, attempts: 1 },
    failedAtMs: Date.now(),
    highestMarker: null,
    headers: traceparent === null ? {} : { traceparent },
  };
  const message = toDeadLetterMessage(origin, refused);
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  try {
    await sendAcknowledged(producer, [{ ...message, topic: topicPrefix + message.topic }], {
      what: 'the dead letter topic',
      limitMs: WRITE_LIMIT_MS,
    });
  } finally {
    await disconnectSoon(producer);
  }
}
