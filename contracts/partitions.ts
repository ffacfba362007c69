// In which partitions of the event topics an epoch was marked: there, and nowhere else, its events
// count (docs/guarantees.md P19). The gate says it, and the claim of the epoch, in the same words.
import { EVENT_TOPICS, type EventTopic } from './topics.ts';

/** How many partitions each event topic has: those from 0 to one less. */
export type Partitions = Readonly<Record<EventTopic, number>>;

const FORM = new RegExp(`^${EVENT_TOPICS.map((topic) => `${topic}=([1-9]\\d{0,5})`).join(' ')}$`);

/** As gate and claims say it: `coupon-lifecycle=3 coupon-assign=3`. */
export function formatPartitions(partitions: Partitions): string {
  return EVENT_TOPICS.map((topic) => `${topic}=${partitions[topic]}`).join(' ');
}

/** What `formatPartitions` wrote; null for any other text. */
export function parsePartitions(text: string): Partitions | null {
  const [, lifecycle, assign] = FORM.exec(text) ?? [];
  if (lifecycle === undefined || assign === undefined) return null;
  return { 'coupon-lifecycle': Number(lifecycle), 'coupon-assign': Number(assign) };
}
