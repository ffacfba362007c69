// What the command API looks at while it runs (docs/assumptions.md).
import type { Redis } from 'ioredis';
import { layoutFaults, physicalLayout } from '../contracts/topic-layout.ts';
import type { Assumption } from '../platform/assumptions.ts';
import { redisClockAssumption } from '../platform/clock-assumption.ts';
import type { KafkaClient } from '../platform/kafka/client.ts';
import { topicsAssumption } from '../platform/kafka/topic-assumption.ts';

type Parts = { kafka: KafkaClient; redis: Redis; topicPrefix: string };

/** While one that closes is broken, its gate is closed, and nothing is decided. */
export function commandApiAssumptions({ kafka, redis, topicPrefix }: Parts): Assumption[] {
  const layouts = physicalLayout(topicPrefix);
  return [topicsAssumption(kafka, layouts, layoutFaults), redisClockAssumption(redis)];
}
