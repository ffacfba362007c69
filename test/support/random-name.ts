import { randomBytes } from 'node:crypto';

/** A name that no other test uses, for topics, keys, databases: `prefix` and 8 random hex digits. */
export function randomName(prefix: string): string {
  return `${prefix}${randomBytes(4).toString('hex')}`;
}
