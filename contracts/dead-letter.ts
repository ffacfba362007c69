// A dead letter: the original bytes, key and headers, and beside them, in headers of ours, why and
// where from. And what becomes of one that is parked.
import { cutText } from '../domain/text.ts';
import { deadLetterTopicOf, EVENT_TOPICS } from './topics.ts';

/** A header's value; null: the header has none. */
type HeaderValue = Buffer | string | null;

/** Names to values: several values under one name are a list. */
export type Headers = Readonly<Record<string, HeaderValue | HeaderValue[] | undefined>>;

/** Why a record can never be applied, and how often that was tried. */
export type Poison = { code: string; reason: string; attempts: number };

/** What the headers of a dead letter say of its original. */
export type DeadLetterOrigin = {
  topic: string;
  partition: number;
  /** null: the log refused it, so it never had a place there, and must never be applied. */
  offset: bigint | null;
  poison: Poison;
  failedAtMs: number;
  /** The highest marker before the original in its partition: the fencing rule, should it be read later. */
  highestMarker: number | null;
  /** The original's own headers. */
  headers: Headers;
  /** The original was too large for its dead letter topic: its bytes are only where it stands. */
  isWithoutBytes?: true;
};

/**
 * What became of a parked dead letter. `parked`: it waits for an operator; `redriven`: it is on its
 * way to the projector again; `applied`, `fenced`: that it was, or that it does not count;
 * `discarded`: an operator decided that it is never to be applied.
 */
export type DeadLetterStatus = 'parked' | 'redriven' | 'applied' | 'fenced' | 'discarded';

/** A record with one of these is not in the read tables. */
export const UNAPPLIED_STATUSES = [
  'parked',
  'redriven',
  'discarded',
] as const satisfies DeadLetterStatus[];

const PREFIX = 'firstcome-dlt-';
const MAX_REASON_CHARACTERS = 1_000;
const FAILED_AT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** The headers of a dead letter: the original's, and ours. */
export function toDeadLetterHeaders(origin: DeadLetterOrigin): Headers {
  const { poison, offset, highestMarker } = origin;
  // Names that only look like ours would speak for this dead letter where ours are left out.
  const own = Object.entries(origin.headers).filter(
    ([name, value]) => value !== undefined && !name.startsWith(PREFIX),
  );
  const ours: Headers = {
    [`${PREFIX}reason-code`]: poison.code,
    [`${PREFIX}reason`]: shorten(poison.reason),
    [`${PREFIX}topic`]: origin.topic,
    [`${PREFIX}partition`]: String(origin.partition),
    ...(offset === null ? {} : { [`${PREFIX}offset`]: String(offset) }),
    [`${PREFIX}attempts`]: String(poison.attempts),
    [`${PREFIX}failed-at`]: new Date(origin.failedAtMs).toISOString(),
    ...(highestMarker === null ? {} : { [`${PREFIX}highest-marker`]: String(highestMarker) }),
    ...(origin.isWithoutBytes === true ? { [`${PREFIX}without-bytes`]: 'too large' } : {}),
  };
  // Own properties, also under names that every object has.
  return Object.fromEntries([...own, ...Object.entries(ours)]);
}

/**
 * A dead letter as it is sent: to the logical `topic`, in the original's partition, with the bytes and
 * the key of the original.
 */
export function toDeadLetterRecord(
  origin: DeadLetterOrigin,
  { key, value }: { key: Buffer | string | null; value: Buffer | null },
) {
  const { partition } = origin;
  return {
    topic: deadLetterTopicOf(origin.topic),
    ...{ partition, key, value },
    headers: toDeadLetterHeaders(origin),
  };
}

/**
 * What the headers of a record in the dead letter topic `topic` say of its original; null when it
 * carries no such headers, or they contradict its topic.
 */
export function readOrigin(record: { topic: string; headers: Headers }): DeadLetterOrigin | null {
  const { ours, own } = splitHeaders(record.headers);
  const topic = EVENT_TOPICS.find((name) => name === ours.get('topic'));
  const [partition, attempts] = [ours.get('partition'), ours.get('attempts')];
  const [offset = null, marker = null] = [ours.get('offset'), ours.get('highest-marker')];
  const failedAt = ours.get('failed-at') ?? '';
  const failedAtMs = FAILED_AT.test(failedAt) ? Date.parse(failedAt) : Number.NaN;
  if (
    topic === undefined ||
    deadLetterTopicOf(topic) !== record.topic ||
    !isWhole(partition, 9) ||
    !isWhole(attempts, 9) ||
    (offset !== null && !isWhole(offset, 18)) ||
    (marker !== null && !isWhole(marker, 9)) ||
    !(failedAtMs >= 0)
  ) {
    return null;
  }
  return {
    topic,
    partition: Number(partition),
    offset: offset === null ? null : BigInt(offset),
    poison: {
      code: ours.get('reason-code') ?? '',
      reason: ours.get('reason') ?? '',
      attempts: Number(attempts),
    },
    failedAtMs,
    highestMarker: marker === null ? null : Number(marker),
    headers: own,
    ...(ours.has('without-bytes') ? { isWithoutBytes: true } : {}),
  };
}

/** Ours, as text and without their prefix, and those of the original. */
function splitHeaders(headers: Headers): { ours: Map<string, string>; own: Headers } {
  const ours = new Map<string, string>();
  const own: [string, Headers[string]][] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(PREFIX)) own.push([name, value]);
    else if (value != null) ours.set(name.slice(PREFIX.length), String(value));
  }
  return { ours, own: Object.fromEntries(own) };
}

/** A reason of at most 1,000 characters, none of them cut in half. */
export function shorten(reason: string): string {
  return cutText(reason, MAX_REASON_CHARACTERS);
}

function isWhole(text: string | undefined, maxDigits: number): boolean {
  return text !== undefined && text.length <= maxDigits && /^\d+$/.test(text);
}
