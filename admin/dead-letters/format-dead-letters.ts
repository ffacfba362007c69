// Parked dead letters for people: a line each, or all of one.
import { cutText } from '../../domain/text.ts';
import { formatLine, formatTable } from '../format-table.ts';
import { formatBytes } from '../schemas/format-bytes.ts';
import { type ReadableValue, toReadableValue, valueLines } from '../schemas/format-record.ts';
import type { RegistryApi } from '../schemas/registry-api.ts';
import type { DeadLetterContent, ParkedDeadLetter } from './parked-dead-letters.ts';

const REASON_CHARACTERS = 60;

/** A parked dead letter with its key and value as text. */
export type ReadableDeadLetter = ParkedDeadLetter & {
  /** null: it has none. */
  key: string | null;
  headers: { name: string; value: string }[];
  value: ReadableValue;
};

/** A table: one line for each dead letter. */
export function formatDeadLetters(deadLetters: readonly ParkedDeadLetter[]): string {
  return formatTable([
    ['ID', 'RECORD', 'FAILED AT', 'STATUS', 'REDRIVES', 'CODE', 'REASON'],
    ...deadLetters.map(({ id, position, failedAt, status, redrives, reasonCode, reason }) => [
      String(id),
      `${position.topic}/${position.partition}/${position.offset}`,
      failedAt.toISOString(),
      status,
      String(redrives),
      reasonCode,
      shorten(reason),
    ]),
  ]);
}

/**
 * A dead letter with what its record holds.
 * @throws AppError REGISTRY_UNAVAILABLE (retriable)
 */
export async function toReadableDeadLetter(
  deadLetter: ParkedDeadLetter,
  content: DeadLetterContent,
  { registry, topicPrefix }: { registry: RegistryApi; topicPrefix: string },
): Promise<ReadableDeadLetter> {
  return {
    ...deadLetter,
    key: content.key === null ? null : formatBytes(content.key),
    headers: Object.entries(content.headers ?? {}).flatMap(([name, values]) =>
      [values].flat().map((value) => ({
        name,
        value: typeof value === 'string' ? value : JSON.stringify(value),
      })),
    ),
    value: await toReadableValue(topicPrefix + deadLetter.position.topic, content.value, registry),
  };
}

/** All of one dead letter: what became of it, why, its key and headers, and the event or its bytes. */
export function formatDeadLetter(deadLetter: ReadableDeadLetter): string {
  const { position, redrives, redrivenAt, discarded } = deadLetter;
  return [
    ['id', String(deadLetter.id)],
    ['status', deadLetter.status],
    ...(redrivenAt === null
      ? []
      : [['redriven', `${redrives} time(s), the last ${redrivenAt.toISOString()}`]]),
    ...(discarded === null
      ? []
      : [['discarded', `${discarded.at.toISOString()} by ${discarded.by}: ${discarded.because}`]]),
    ['topic', position.topic],
    ['partition', String(position.partition)],
    ['offset', String(position.offset)],
    ['code', deadLetter.reasonCode],
    ['reason', deadLetter.reason],
    ['attempts', String(deadLetter.attempts)],
    ['failed at', deadLetter.failedAt.toISOString()],
    ['key', deadLetter.key ?? '(none)'],
    ...deadLetter.headers.map(({ name, value }) => ['header', `${name}: ${value}`]),
    ...valueLines(deadLetter.value),
  ]
    .map(formatLine)
    .join('\n');
}

function shorten(reason: string): string {
  return reason.length <= REASON_CHARACTERS ? reason : `${cutText(reason, REASON_CHARACTERS - 1)}…`;
}
