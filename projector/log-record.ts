// A record of the log as this process takes it over from Kafka, before and after it was read.
import type { LogEvent } from '../domain/coupon-events.ts';

/** Where a record stands. `topic` is the logical name, here and everywhere. */
export type Place = { topic: string; partition: number; offset: bigint };

/** Names to values, as kafkajs gives them: several values under one name are a list. */
export type Headers = Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>>;

export type LogRecord = Place & {
  key: Buffer | null;
  value: Buffer | null;
  headers: Headers;
};

/** Why a record can never be applied, and how often that was tried. */
export type Poison = { code: string; reason: string; attempts: number };

/** A record once its bytes were read: the event in it, or why there is none. */
export type Reading =
  | { kind: 'event'; record: LogRecord; event: LogEvent }
  | { kind: 'poison'; record: LogRecord; poison: Poison };

/** A record that can never be applied, on its way out. */
export type DeadLetter = {
  record: LogRecord;
  poison: Poison;
  /** The highest marker before the record in its partition: the void rule, should it be read later. */
  highestMarker: number | null;
};
