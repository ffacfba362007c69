// Bytes and times of a record, for people.
import { isUtf8 } from 'node:buffer';

/** Bytes as text when they are printable text, else as hex. */
export function formatBytes(bytes: Buffer): string {
  const text = bytes.toString();
  return isUtf8(bytes) && !/\p{Cc}/u.test(text) ? text : `0x${bytes.toString('hex')}`;
}

/** Milliseconds since 1970 as ISO 8601; with "ms" behind them when no calendar has such a time. */
export function formatTime(timeMs: number): string {
  const time = new Date(timeMs);
  return Number.isNaN(time.getTime()) ? `${timeMs} ms` : time.toISOString();
}
