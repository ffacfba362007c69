// Makes the topics as they have to be. This is a step of `migrate`, never of a service.
import {
  isAsWanted,
  physicalLayout,
  settingFaults,
  shapeFaults,
  type TopicLayout,
} from '../contracts/topic-layout.ts';
import { AppError } from '../platform/errors.ts';
import {
  type DescribedConfig,
  type KafkaAdmin,
  withAdminUntilSpread,
} from '../platform/kafka/admin.ts';
import type { KafkaClient } from '../platform/kafka/client.ts';
import { readTopics } from '../platform/kafka/topic-assumption.ts';
import {
  addMissingPartitions,
  countPartitionsOf,
  findTooFewPartitions,
  requirePartitions,
} from './add-partitions.ts';

/** Every broker knows a new topic, and a changed one, after so long. */
const KNOWN_LIMIT_MS = 15_000;

/** A setting that `migrate` made; `before` held until then, by the topic's own choice or not. */
type SettingChange = { name: string; before: string; isInherited: boolean; now: string };

/** What was done for one topic; `topic` is its physical name, `partitions` how many it has now. */
export type TopicReport = { topic: string; compared: number; changed: SettingChange[] } & (
  | { kind: 'created' | 'existing' }
  | { kind: 'partitions-added'; partitions: number }
);

type Done = {
  created: Set<string>;
  grown: Map<string, number>;
  /** By topic, then by the setting's name. */
  changed: Map<string, Map<string, SettingChange>>;
};

/**
 * Makes sure that every topic is there as contracts/topic-layout.ts says, each setting as its own, and
 * that a dead letter topic has as many partitions as its original. Safe to repeat; leaves every other
 * setting of a topic that exists.
 * @param assignPartitions brings the topic of the assignments up to so many
 * @throws AppError TOPIC_MISMATCH naming all that is different after that, KAFKA_UNAVAILABLE
 */
export async function createTopics(
  kafka: KafkaClient,
  topicPrefix: string,
  assignPartitions = 0,
): Promise<TopicReport[]> {
  const layouts = physicalLayout(topicPrefix);
  const names = layouts.map(({ topic }) => topic);
  const done: Done = { created: new Set(), grown: new Map(), changed: new Map() };
  await withAdminUntilSpread(kafka, KNOWN_LIMIT_MS, async (admin) => {
    await createMissing(admin, layouts, done.created);
    const counts = await countPartitionsOf(admin, names);
    const tooFew = findTooFewPartitions(counts, topicPrefix, assignPartitions);
    await addMissingPartitions(admin, tooFew);
    for (const [topic, partitions] of tooFew) done.grown.set(topic, partitions);
    if (tooFew.size > 0) await requirePartitions(admin, tooFew);
    await changeSettings(admin, layouts, done.changed);
    await checkLayout(admin, layouts);
  });
  return layouts.map((layout) => toReport(layout, done));
}

function toReport({ topic, settings }: TopicLayout, done: Done): TopicReport {
  const changed = [...(done.changed.get(topic)?.values() ?? [])];
  const report = { topic, compared: Object.keys(settings).length, changed };
  if (done.created.has(topic)) return { ...report, kind: 'created' };
  const partitions = done.grown.get(topic);
  return partitions === undefined
    ? { ...report, kind: 'existing' }
    : { ...report, kind: 'partitions-added', partitions };
}

async function createMissing(
  admin: KafkaAdmin,
  layouts: readonly TopicLayout[],
  created: Set<string>,
): Promise<void> {
  const existing = new Set(await admin.listTopics());
  const missing = layouts.filter(({ topic }) => !existing.has(topic));
  // All have ended before anything else happens: one that runs on would open a closed client again.
  const attempts = await Promise.allSettled(
    missing.map(async ({ topic, partitions, replicas, settings }) => {
      const wanted = { topic, partitions, replicationFactor: replicas, config: settings };
      if ((await admin.createTopic(wanted)) === 'created') created.add(topic);
    }),
  );
  const failed = attempts.find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}

async function changeSettings(
  admin: KafkaAdmin,
  layouts: readonly TopicLayout[],
  changed: Done['changed'],
): Promise<void> {
  const described = await admin.describeConfigs(layouts.map(({ topic }) => topic));
  for (const layout of layouts) {
    const changes = findChanges(layout, described.get(layout.topic));
    if (changes.length === 0) continue;
    const wanted = changes.map(({ name, now }) => [name, now] as const);
    await admin.changeConfig(layout.topic, Object.fromEntries(wanted));
    // Of a setting that a broker still gives as it was, the first finding is the true one.
    const first = changed.get(layout.topic) ?? new Map<string, SettingChange>();
    for (const change of changes) if (!first.has(change.name)) first.set(change.name, change);
    changed.set(layout.topic, first);
  }
}

/** The settings that are others, or only as they have to be because the cluster is set so now. */
function findChanges(
  { settings }: TopicLayout,
  found: DescribedConfig | undefined,
): SettingChange[] {
  return Object.entries(settings)
    .filter(([name, now]) => !isAsWanted(name, found?.own[name], now))
    .map(([name, wanted]) => {
      const before = found?.all[name] ?? '';
      const isInherited = found?.own[name] === undefined;
      // What the cluster gives may do more than is wanted: it is kept, as the topic's own.
      const now = isAsWanted(name, before, wanted) ? before : wanted;
      return { name, before, isInherited, now };
    });
}

// After creating, too: another `migrate` may have been quicker, with another version's layout.
async function checkLayout(admin: KafkaAdmin, layouts: readonly TopicLayout[]): Promise<void> {
  const found = await readTopics(
    admin,
    layouts.map(({ topic }) => topic),
  );
  const shapes = layouts.flatMap((layout) => shapeFaults(layout, found.get(layout.topic)));
  if (shapes.length > 0) {
    throw new AppError('TOPIC_MISMATCH', shapes.join('; '), { retriable: false });
  }
  const settings = layouts.flatMap((layout) => settingFaults(layout, found.get(layout.topic)));
  if (settings.length > 0) {
    // Each was set a moment ago: the broker that was asked may not know it yet.
    throw new AppError('KAFKA_UNAVAILABLE', settings.join('; '), { retriable: true });
  }
}
