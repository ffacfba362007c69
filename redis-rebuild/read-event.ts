// One record of the log for whoever must not pass over what it can't read: a record that can't be read may
// be a unit that was handed out, and only an operator can know that it is not.
import type { Discards } from '../contracts/discard.ts';
import { MalformedEvent, toLogEvent } from '../contracts/event-record.ts';
import type { Position } from '../contracts/position.ts';
import type { LogEvent } from '../domain/coupon-events.ts';
import type { DecodedRecord } from '../platform/avro/event-codec.ts';
import { AppError } from '../platform/errors.ts';
import type { KafkaRecord } from '../platform/kafka/record.ts';
import type { Log } from './log.ts';

/** The codec of a log and its discards. */
export type Reading = { codec: Pick<Log['codec'], 'decode'>; discards: Discards };

/** What a record holds; or that it is discarded; or why it can't be read. */
export type ReadRecord<T> =
  | { kind: 'read'; content: T }
  | { kind: 'discarded' }
  | { kind: 'unreadable'; error: AppError };

/**
 * The event in a record at this position.
 * @throws AppError REGISTRY_UNAVAILABLE (retriable): it may be readable later
 */
export async function readEventRecord(
  reading: Reading,
  position: Position,
  { value }: Pick<KafkaRecord, 'value'>,
): Promise<ReadRecord<LogEvent>> {
  return readWith(reading, position, value, ({ name, event }) => toLogEvent(name, event));
}

/**
 * What `read` makes of the decoded record at this position; it may throw MalformedEvent.
 * @throws AppError REGISTRY_UNAVAILABLE (retriable): it may be readable later
 */
export async function readWith<T>(
  { codec, discards }: Reading,
  position: Position,
  value: Buffer | null,
  read: (record: DecodedRecord) => T,
): Promise<ReadRecord<T>> {
  if (discards.has(position, value)) return { kind: 'discarded' };
  try {
    return { kind: 'read', content: read(await codec.decode(value)) };
  } catch (error) {
    if (error instanceof AppError && error.code === 'VERSION_TOO_OLD') {
      return { kind: 'unreadable', error: tooOldAt(position, error) };
    }
    const isForGood = error instanceof AppError && error.retriable === false;
    if (!isForGood && !(error instanceof MalformedEvent)) throw error;
    return { kind: 'unreadable', error: unreadableAt(position, error) };
  }
}

/** Names the record and the reason, and says what to do: the text that readiness and the log show. */
function unreadableAt({ topic, partition, offset }: Position, cause: Error): AppError {
  const reason = `${topic}/${partition} can't be read at offset ${offset}: ${cause.message}`;
  const command = `firstcome discard ${topic} ${partition} ${offset} --because TEXT`;
  const advice = `If a newer version or a restored registry can't read it, and nobody was given anything by it: ${command}`;
  return new AppError('RECORD_UNREADABLE', `${reason}. ${advice}`, { cause, retriable: false });
}

function tooOldAt({ topic, partition, offset }: Position, cause: Error): AppError {
  const reason = `${topic}/${partition} can't be read at offset ${offset} by this version: ${cause.message}`;
  return new AppError('RECORD_UNREADABLE', `${reason}. A newer version has to rebuild`, {
    cause,
    retriable: false,
  });
}
