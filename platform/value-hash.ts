// What distinguishes the bytes of one record's value from any other.
import { createHash } from 'node:crypto';

/** SHA-256 in hex; `none` for a record without a value. */
export function hashOfValue(value: Buffer | null): string {
  return value === null ? 'none' : createHash('sha256').update(value).digest('hex');
}
