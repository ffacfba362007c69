// Whether the topics are still as they have to be: in their shape and in their settings.
import type { Assumption } from '../assumptions.ts';
import { type KafkaAdmin, withAdmin } from './admin.ts';
import type { KafkaClient } from './client.ts';

/** A topic as the brokers describe it: replicas by partition, and every setting that holds for it. */
type DescribedTopic = {
  replicas: ReadonlyMap<number, number>;
  settings: Readonly<Record<string, string>>;
};

/**
 * These topics (physical) as the brokers describe them, by name.
 * @throws AppError KAFKA_UNAVAILABLE (retriable), also when one is not there, or may not be described
 */
export async function readTopics(
  admin: KafkaAdmin,
  topics: readonly string[],
): Promise<Map<string, DescribedTopic>> {
  const shapes = await admin.describeTopics(topics);
  const configs = await admin.describeConfigs(topics);
  return new Map(
    shapes.map(({ topic, replicas }) => [
      topic,
      { replicas, settings: configs.get(topic)?.all ?? {} },
    ]),
  );
}

/**
 * Looks at the topics of these layouts (physical), each time over a connection of its own.
 * @param findFaults how what was found differs from the layouts: one sentence each
 */
export function topicsAssumption<Layout extends { topic: string }>(
  kafka: KafkaClient,
  layouts: readonly Layout[],
  findFaults: (layouts: readonly Layout[], found: ReadonlyMap<string, DescribedTopic>) => string[],
): Assumption {
  const topics = layouts.map(({ topic }) => topic);
  return {
    name: 'topic-settings',
    severity: 'closes',
    look: async () => {
      const found = await withAdmin(kafka, async (admin) => {
        const listed = new Set(await admin.listTopics());
        const there = topics.filter((topic) => listed.has(topic));
        return there.length > 0 ? await readTopics(admin, there) : new Map();
      });
      const faults = findFaults(layouts, found);
      return faults.length === 0
        ? { kind: 'holds' }
        : { kind: 'broken', reason: `${faults.join('; ')}; firstcome migrate sets them` };
    },
  };
}
