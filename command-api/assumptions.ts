// What the command API looks at while it runs (docs/assumptions.md).
import type { Redis } from 'ioredis';
import { layoutFaults, physicalLayout } from '../contracts/topic-layout.ts';
import { deadLetterTopicOf, EVENT_TOPICS } from '../contracts/topics.ts';
import type { Assumption } from '../platform/assumptions.ts';
import { registeredIdsAssumption, schemaIdsAssumption } from '../platform/avro/schema-ids.ts';
import type { ReadSchemaPins } from '../platform/avro/schema-pins.ts';
import { redisClockAssumption } from '../platform/clock-assumption.ts';
import type { RegistrySettings } from '../platform/connections/registry-settings.ts';
import { topicsAssumption } from '../platform/kafka/topic-assumption.ts';
import type { Log } from '../redis-rebuild/log.ts';
import { logStartAssumption } from '../redis-rebuild/log-start.ts';

type Parts = Log & { redis: Redis; registry: RegistrySettings; pins: ReadSchemaPins };

/** While one that closes is broken, its gate is closed, and nothing is decided. */
export function commandApiAssumptions({ redis, registry, pins, ...log }: Parts): Assumption[] {
  // Nothing that is decided rests on dead letter topics; the projector looks at those.
  const deadLetterTopics = new Set(
    EVENT_TOPICS.map((topic) => log.topicPrefix + deadLetterTopicOf(topic)),
  );
  const layouts = physicalLayout(log.topicPrefix).filter(
    ({ topic }) => !deadLetterTopics.has(topic),
  );
  return [
    topicsAssumption(log.kafka, layouts, layoutFaults),
    logStartAssumption(log),
    redisClockAssumption(redis),
    schemaIdsAssumption(registry, pins),
    registeredIdsAssumption(registry, pins),
  ];
}
