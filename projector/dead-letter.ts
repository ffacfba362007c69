// A record that can never be applied, in its dead letter topic: the original bytes, key and headers,
// and beside them why and where from.
import type { Producer } from 'kafkajs';
import { deadLetterTopicOf, EVENT_TOPICS } from '../domain/topics.ts';
import { AppError, messageOf } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import type { DeadLetter, Headers, LogRecord, Place, Poison } from './log-record.ts';

const PREFIX = 'firstcome-dlt-';
const MAX_REASON_CHARACTERS = 1_000;
const WRITE_LIMIT_MS = 10_000;
const FAILED_AT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** What the headers of a dead letter say of the original record. */
export type DeadLetterOrigin = {
  place: Place;
  poison: Poison;
  failedAtMs: number;
  /** The highest marker before the original in its partition. */
  highestMarker: number | null;
  /** The original's own headers. */
  headers: Headers;
};

/**
 * Writes dead letters.
 * @throws AppError KAFKA_UNAVAILABLE (retriable) when not all of them were acknowledged in time;
 * some may be there then, and will be there twice
 */
export type WriteDeadLetters = (letters: readonly DeadLetter[]) => Promise<void>;

/** A writer over a connected producer. `now`: milliseconds since 1970. */
export function createDeadLetterWriter(parts: {
  producer: Pick<Producer, 'sendBatch'>;
  topicPrefix: string;
  now: () => number;
  logger: Logger;
}): WriteDeadLetters {
  const { producer, topicPrefix, now, logger } = parts;
  return async (letters) => {
    if (letters.length === 0) return;
    const failedAtMs = now();
    const topicMessages = letters.map((letter) => ({
      topic: topicPrefix + deadLetterTopicOf(letter.record.topic),
      messages: [
        {
          partition: letter.record.partition,
          key: letter.record.key,
          value: letter.record.value,
          headers: toDeadLetterHeaders(letter, failedAtMs),
        },
      ],
    }));
    await acknowledged(producer.sendBatch({ acks: -1, topicMessages }));
    for (const { record, poison } of letters) {
      const { topic, partition, offset } = record;
      logger.error({ topic, partition, offset: String(offset), ...poison }, 'dead letter');
    }
  };
}

/** The headers of a dead letter: the original's, and ours. */
export function toDeadLetterHeaders(
  { record, poison, highestMarker }: DeadLetter,
  failedAtMs: number,
): Record<string, Buffer | string | (Buffer | string)[]> {
  const headers: Record<string, Buffer | string | (Buffer | string)[]> = {};
  for (const [name, value] of Object.entries(record.headers)) {
    if (value !== undefined) headers[name] = value;
  }
  headers[`${PREFIX}reason-code`] = poison.code;
  headers[`${PREFIX}reason`] = shorten(poison.reason);
  headers[`${PREFIX}topic`] = record.topic;
  headers[`${PREFIX}partition`] = String(record.partition);
  headers[`${PREFIX}offset`] = String(record.offset);
  headers[`${PREFIX}attempts`] = String(poison.attempts);
  headers[`${PREFIX}failed-at`] = new Date(failedAtMs).toISOString();
  if (highestMarker !== null) headers[`${PREFIX}highest-marker`] = String(highestMarker);
  return headers;
}

/** Where a dead letter comes from; null when it carries no such headers, or they contradict its topic. */
export function readOrigin(record: LogRecord): DeadLetterOrigin | null {
  const ours = new Map<string, string>();
  const headers: Record<string, Buffer | string | (Buffer | string)[] | undefined> = {};
  for (const [name, value] of Object.entries(record.headers)) {
    if (name.startsWith(PREFIX)) ours.set(name.slice(PREFIX.length), String(value));
    else headers[name] = value;
  }
  const topic = EVENT_TOPICS.find((name) => name === ours.get('topic'));
  const offset = ours.get('offset') ?? '';
  const partition = wholeNumber(ours.get('partition'));
  const attempts = wholeNumber(ours.get('attempts'));
  const failedAt = ours.get('failed-at') ?? '';
  const failedAtMs = FAILED_AT.test(failedAt) ? Date.parse(failedAt) : Number.NaN;
  const marker = ours.get('highest-marker');
  const highestMarker = marker === undefined ? null : wholeNumber(marker);
  if (
    topic === undefined ||
    deadLetterTopicOf(topic) !== record.topic ||
    partition === undefined ||
    attempts === undefined ||
    highestMarker === undefined ||
    Number.isNaN(failedAtMs) ||
    !/^\d{1,18}$/.test(offset)
  ) {
    return null;
  }
  return {
    place: { topic, partition, offset: BigInt(offset) },
    poison: {
      code: ours.get('reason-code') ?? '',
      reason: ours.get('reason') ?? '',
      attempts,
    },
    failedAtMs,
    highestMarker,
    headers,
  };
}

/** A reason of at most 1,000 characters, none of them cut in half. */
export function shorten(reason: string): string {
  if (reason.length <= MAX_REASON_CHARACTERS) return reason;
  return [...reason].slice(0, MAX_REASON_CHARACTERS).join('');
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

async function acknowledged(sent: Promise<unknown>): Promise<void> {
  const limit = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => limit.reject(new Error(`no acknowledgement in ${WRITE_LIMIT_MS} ms`)),
    WRITE_LIMIT_MS,
  );
  // The loser of the race must not become an unhandled rejection.
  sent.catch(() => undefined);
  try {
    await Promise.race([sent, limit.promise]);
  } catch (cause) {
    const reason = `the dead letter topic can't be written: ${messageOf(cause)}`;
    throw new AppError('KAFKA_UNAVAILABLE', reason, { cause, retriable: true });
  } finally {
    clearTimeout(timer);
  }
}
