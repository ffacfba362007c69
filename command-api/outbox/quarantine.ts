// Quarantines an event that the log can never accept: it becomes a dead letter, and only then leaves
// its outbox. Where the second step fails, the relay finds the event in the outbox and brings it here
// again.
import type { Redis } from 'ioredis';
import { type DeadLetterOrigin, toDeadLetterRecord } from '../../contracts/dead-letter.ts';
import type { RedisKeys } from '../../contracts/redis-keys.ts';
import type { KafkaClient } from '../../platform/kafka/client.ts';
import { createProducer, demandOffsets } from '../../platform/kafka/producer.ts';
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
  kafka: KafkaClient;
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
  { kafka, topicPrefix }: { kafka: KafkaClient; topicPrefix: string },
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
  const { topic: deadLetterTopic, ...record } = toDeadLetterRecord(origin, refused);
  const producer = createProducer(kafka);
  try {
    const records = [{ ...record, topic: topicPrefix + deadLetterTopic }];
    const outcome = await producer.send(records, { timeoutMs: WRITE_LIMIT_MS });
    demandOffsets(outcome, "the dead letter topic can't be written");
  } finally {
    await producer.close();
  }
}
