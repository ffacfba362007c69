// What a migration did, for people: for each step a line, and lines of detail below it.
import { EVENT_TOPICS } from '../contracts/topics.ts';
import type { SubjectReport } from './schemas/register-schemas.ts';
import type { TopicReport } from './topics.ts';

/**
 * The step of the topics; below it, each setting that was made, and each topic
 * that got partitions and what has to be done about it.
 */
export function formatTopics(topics: readonly TopicReport[], topicPrefix: string): string[] {
  const grown = topics.filter((topic) => topic.kind === 'partitions-added');
  const existing = countOf(topics, 'existing') + grown.length;
  const more = grown.length > 0 ? `, ${grown.length} of them got more partitions` : '';
  const compared = topics.reduce((sum, topic) => sum + topic.compared, 0);
  return [
    `${countOf(topics, 'created')} created, ${existing} existed before${more}; ${compared} settings are as they have to be`,
    ...topics.flatMap(({ topic, changed }) =>
      changed.map(({ name, before, isInherited, now }) => {
        const source = isInherited ? " by the cluster's choice" : '';
        return `${topic}: ${name} was ${before}${source}, is set to ${now}`;
      }),
    ),
    ...grown.map(({ topic, partitions }) => {
      const isOfEvents = EVENT_TOPICS.some((name) => topicPrefix + name === topic);
      const next = isOfEvents ? '; they are used after: firstcome rebuild-redis' : '';
      return `${topic} has ${partitions} partitions now${next}`;
    }),
  ];
}

/** The step of the schemas. */
export function formatSubjects(subjects: readonly SubjectReport[]): string[] {
  return [
    `${countOf(subjects, 'registered')} registered, ${countOf(subjects, 'existing')} existed before`,
  ];
}

/** The step of the tables; `files` are the migrations that ran. */
export function formatMigrations(files: readonly string[]): string[] {
  return [files.length === 0 ? 'up to date before' : `${files.length} migration(s) ran`];
}

function countOf(reports: readonly { kind: string }[], kind: string): number {
  return reports.filter((report) => report.kind === kind).length;
}
