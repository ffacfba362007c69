// Quarantines an event that the log can never accept: it becomes a dead letter, and only then leaves
// its outbox. Where the second step fails, the relay finds the event in the outbox and brings it here
// again.
import type { Redis } from 'ioredis';
import { type Kafka, Partitioners } from 'kafkajs';
import { type DeadLetterOrigin, toDeadLetterMessage } from '../../contracts/dead-letter.ts';
import type { RedisKeys } from '../../contracts/redis-keys.ts';
import { disconnectSoon } from '../../platform/kafka/client.ts';
import { sendAcknowledged } from '../../platform/kafka/send-acknowledged.ts';
import type { Logger } from '../../platform/logger.ts';
import { redisUnavailable } from '../../platform/redis.ts';
import type { CommandMetrics } from '../metrics.ts';
import type { ScriptRunner } from '../write-model/run-script.ts';
import type { PreparedEvent } from './prepared-event.ts';

/**
 * Quarantines a refused event; one that is quarantined already is left as it is.
 * @throws AppError KAFKA_UNAVAILABLE when the dead letter was not acknowledged, REDIS_UNAVAILABLE (both
 * retriable); the event is still in the outbox then
 */
export type Quarantine = (refused: PreparedEvent, reason: string) => Promise<void>;

const WRITE_LIMIT_MS = 10_000;

/** Quarantines events of this Redis and this log. */
export function createQuarantine(parts: {
  redis: Redis;
  openScript: ScriptRunner;
  keys: RedisKeys;
  kafka: Kafka;
  topicPrefix: string;
  metrics: CommandMetrics;
  logger: Logger;
}): Quarantine {
  const { redis, keys, metrics, logger } = parts;
  const script = parts.openScript(new URL('./quarantine.lua', import.meta.url));
  return async (refused, reason) => {
    const { eventId, couponId, epoch } = refused.event;
    const waitsSince = await redis
      .zscore(keys.outbox(couponId), eventId)
      .catch((cause: unknown) => {
        throw redisUnavailable(cause);
      });
    if (waitsSince === null) return;
    await writeDeadLetter(parts, refused, reason);
    await script({ couponId, epoch }, { keys: [], args: [eventId] });
    metrics.refused();
    logger.error({ eventId, couponId, reason }, 'the log refuses an event: dead letter');
  };
}

/** Writes through a producer of its own: there may never be another dead letter. */
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
