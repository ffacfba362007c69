// Every topic as it has to be: its partitions, its replicas, its settings. `migrate` makes them so, and
// the services compare them while they run (docs/assumptions.md, "Topics").
import {
  DISCARDS_TOPIC,
  deadLetterTopicOf,
  EPOCHS_TOPIC,
  EVENT_TOPICS,
  SCHEMAS_TOPIC,
  SNAPSHOTS_TOPIC,
} from './topics.ts';

/** Settings of a topic by their names in Kafka. */
type TopicSettings = Readonly<Record<string, string>>;

/** How a topic has to be; whose name `topic` is, logical or physical, says where it is used. */
export type TopicLayout = {
  topic: string;
  partitions: number;
  /** There may be more partitions than that. */
  mayBeMore: boolean;
  /** There may be more replicas: partitions have them while they move to other brokers. */
  replicas: number;
  settings: TopicSettings;
};

const REPLICAS = 3;
const MIB = 1_048_576;

/**
 * What every topic is set to, each for itself: a setting that is left to the cluster changes with it.
 */
const SETTINGS: TopicSettings = {
  // Kept for ever, and every record of it.
  'cleanup.policy': 'delete',
  'retention.ms': '-1',
  'retention.bytes': '-1',
  // Acknowledged means on two brokers, and a broker that missed an acknowledged record never leads.
  'min.insync.replicas': '2',
  'unclean.leader.election.enable': 'false',
  // Records stay as they were sent; readers know every codec.
  'compression.type': 'producer',
  // The brokers' time: they refuse a record whose own time is too far ahead.
  'message.timestamp.type': 'LogAppendTime',
  // A batch of 1 MiB and its frame: Kafka's own default, which batches and snapshot chunks stay below.
  'max.message.bytes': String(MIB + 12),
};

/** A dead letter is its original, which may be as large as a topic takes, and the reason beside it. */
const DEAD_LETTER_SETTINGS: TopicSettings = { ...SETTINGS, 'max.message.bytes': String(2 * MIB) };
/** Old snapshots are deleted by their records; the brokers free whole segments only. */
const SNAPSHOT_SETTINGS: TopicSettings = { ...SETTINGS, 'segment.bytes': String(64 * MIB) };

const EVENTS = { partitions: 3, mayBeMore: true, replicas: REPLICAS, settings: SETTINGS };
const DEAD_LETTERS = { ...EVENTS, settings: DEAD_LETTER_SETTINGS };

/** Every topic of the service by its logical name, in the order in which tools show them. */
export const TOPIC_LAYOUT: readonly TopicLayout[] = [
  ...EVENT_TOPICS.map((topic) => ({ topic, ...EVENTS })),
  { topic: EPOCHS_TOPIC, ...EVENTS, partitions: 1, mayBeMore: false },
  {
    ...{ topic: SNAPSHOTS_TOPIC, partitions: 2, mayBeMore: false },
    ...{ replicas: REPLICAS, settings: SNAPSHOT_SETTINGS },
  },
  { topic: SCHEMAS_TOPIC, ...EVENTS, partitions: 1, mayBeMore: false },
  { topic: DISCARDS_TOPIC, ...EVENTS, partitions: 1, mayBeMore: false },
  ...EVENT_TOPICS.map((topic) => ({ topic: deadLetterTopicOf(topic), ...DEAD_LETTERS })),
];

/** The topics of a service whose physical names begin with `topicPrefix`. */
export function physicalLayout(topicPrefix: string): TopicLayout[] {
  return TOPIC_LAYOUT.map((layout) => ({ ...layout, topic: topicPrefix + layout.topic }));
}

/** A topic as the brokers describe it: replicas by partition, and every setting that holds for it. */
export type TopicFound = { replicas: ReadonlyMap<number, number>; settings: TopicSettings };

/** What differs in partitions and replicas: one sentence each. */
export function shapeFaults(
  { topic, partitions, mayBeMore, replicas }: TopicLayout,
  found: Pick<TopicFound, 'replicas'> | undefined,
): string[] {
  if (found === undefined) return [`${topic} is not there`];
  const count = found.replicas.size;
  const isEnough = count === partitions || (mayBeMore && count > partitions);
  const tooFew = [...new Set(found.replicas.values())].filter((count) => count < replicas);
  return [
    ...(isEnough ? [] : [`${topic} has ${count} partition(s), not ${partitions}`]),
    ...tooFew.map((count) => `${topic} has ${count} replica(s), not ${replicas}`),
  ];
}

/** What differs in the settings: one sentence each. Of a topic that is not there, nothing. */
export function settingFaults(
  { topic, settings }: TopicLayout,
  found: Pick<TopicFound, 'settings'> | undefined,
): string[] {
  if (found === undefined) return [];
  return Object.entries(settings)
    .filter(([name, value]) => !isAsWanted(name, found.settings[name], value))
    .map(([name, value]) => `${topic} has ${name}=${found.settings[name]}, not ${value}`);
}

/** Settings of which more does no harm: larger records, more replicas that acknowledge. */
const AT_LEAST: ReadonlySet<string> = new Set(['max.message.bytes', 'min.insync.replicas']);

/** Whether a setting does what is wanted. */
export function isAsWanted(name: string, found: string | undefined, wanted: string): boolean {
  return AT_LEAST.has(name) ? Number(found) >= Number(wanted) : found === wanted;
}

/** Where the topics differ from their layouts: one sentence each; none when all is as it has to be. */
export function layoutFaults(
  layouts: readonly TopicLayout[],
  found: ReadonlyMap<string, TopicFound>,
): string[] {
  return layouts.flatMap((layout) => {
    const topic = found.get(layout.topic);
    return [...shapeFaults(layout, topic), ...settingFaults(layout, topic)];
  });
}
