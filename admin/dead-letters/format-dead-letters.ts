// Parked dead letters for people: a line each, or all of one.
import { sayLine, textOrHex, valueLines } from '../schemas/format-record.ts';
import type { RegistryApi } from '../schemas/registry-api.ts';
import type { ParkedLetter } from './parked-dead-letters.ts';

const REASON_CHARACTERS = 60;

/** A table: one line for each letter. */
export function describeLetters(letters: readonly ParkedLetter[]): string {
  const rows = [
    ['ID', 'RECORD', 'FAILED AT', 'STATUS', 'REDRIVES', 'CODE', 'REASON'],
    ...letters.map(({ id, place, failedAt, status, redrives, reasonCode, reason }) => [
      String(id),
      `${place.topic}/${place.partition}/${place.offset}`,
      failedAt.toISOString(),
      status,
      String(redrives),
      reasonCode,
      shorten(reason),
    ]),
  ];
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths?.[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/**
 * All of one letter: what became of it, why, its key and headers, and the event or its bytes as hex.
 * @throws AppError REGISTRY_UNAVAILABLE (retriable)
 */
export async function describeLetter(
  letter: ParkedLetter,
  content: { key: Buffer | null; headers: unknown; value: Buffer | null },
  { registry, topicPrefix }: { registry: RegistryApi; topicPrefix: string },
): Promise<string> {
  const { place, redrives, redrivenAt, discarded } = letter;
  return [
    ['id', String(letter.id)],
    ['status', letter.status],
    ...(redrivenAt === null
      ? []
      : [['redriven', `${redrives} time(s), the last ${redrivenAt.toISOString()}`]]),
    ...(discarded === null
      ? []
      : [['discarded', `${discarded.at.toISOString()} by ${discarded.by}: ${discarded.because}`]]),
    ['topic', place.topic],
    ['partition', String(place.partition)],
    ['offset', String(place.offset)],
    ['code', letter.reasonCode],
    ['reason', letter.reason],
    ['attempts', String(letter.attempts)],
    ['failed at', letter.failedAt.toISOString()],
    ['key', content.key === null ? '(none)' : textOrHex(content.key)],
    ...headerLines(content.headers),
    ...(await valueLines(topicPrefix + place.topic, content.value, registry)),
  ]
    .map(sayLine)
    .join('\n');
}

function headerLines(headers: unknown): string[][] {
  return Object.entries(headers ?? {}).flatMap(([name, values]) =>
    [values]
      .flat()
      .map((value) => [
        'header',
        `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
      ]),
  );
}

function shorten(reason: string): string {
  return reason.length <= REASON_CHARACTERS ? reason : `${reason.slice(0, REASON_CHARACTERS - 1)}…`;
}
