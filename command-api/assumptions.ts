// What the command API looks at while it runs (docs/assumptions.md).
import { layoutFaults, physicalLayout } from '../contracts/topic-layout.ts';
import type { Assumption } from '../platform/assumptions.ts';
import type { KafkaClient } from '../platform/kafka/client.ts';
import { topicsAssumption } from '../platform/kafka/topic-assumption.ts';

type Parts = { kafka: KafkaClient; topicPrefix: string };

/** While one that closes is broken, its gate is closed, and nothing is decided. */
export function commandApiAssumptions({ kafka, topicPrefix }: Parts): Assumption[] {
  const layouts = physicalLayout(topicPrefix);
  return [topicsAssumption(kafka, layouts, layoutFaults)];
}
