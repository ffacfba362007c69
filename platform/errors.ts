// The one class of errors that we throw. What a caller may expect is a value with a `kind`, not this.

/** Every code that is thrown, with what it means; docs/errors.md lists them, a test compares. */
export const ERROR_CODES = {
  SETTINGS_INVALID: 'One or more settings are missing or wrong; nothing was started.',
  SCHEMA_UNKNOWN: 'The registry has no schema under that id, or not the one this version writes.',
  SCHEMA_MISMATCH: 'The registry does not have the schemas that the log pins, under their ids.',
  VERSION_TOO_OLD: 'A record was written by a newer version, which this one can not read.',
  SCHEMA_INCOMPATIBLE: 'The registry refuses a schema: older and newer could not read each other.',
  REGISTRY_UNAVAILABLE: 'The schema registry did not answer.',
  EVENT_INVALID: 'An event does not fit its schema; it was not written.',
  EVENT_REFUSED: 'The log can never accept an event as it is.',
  RECORD_UNREADABLE: 'The bytes of a record are not an event that this version can read.',
  RECORD_REJECTED: 'A record contradicts what was applied before.',
  REDIS_UNAVAILABLE: 'Redis did not answer in time, or the connection was lost.',
  REDIS_REFUSED: 'Redis refused a script before it had changed anything.',
  REPLY_UNKNOWN: 'A script of Redis gave a reply that this version does not know.',
  KAFKA_UNAVAILABLE: 'The brokers did not acknowledge in time.',
  MYSQL_UNAVAILABLE: 'MySQL did not answer in time, or the connection was lost.',
  EPOCH_CLOSED: 'Redis belongs to another epoch, or to none: nothing may be decided.',
  TOPIC_MISMATCH: 'A topic exists with another layout than this version needs.',
  STARTUP_FAILED: 'A part that this process needs could not be reached at start.',
  CLOSE_TIMEOUT: 'A part did not close in the time it was given.',
} as const;
export type ErrorCode = keyof typeof ERROR_CODES;

/**
 * An unexpected failure. `retriable`: true, trying again can help; false, it never will; undefined,
 * unknown: a bug, which stops the process loudly where data is at stake.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly retriable: boolean | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; retriable?: boolean } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.retriable = options.retriable;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
