import { randomWord } from '../../platform/random-word.ts';

/** A name that no other test uses, for topics, keys, databases: `prefix` and 8 random letters and digits. */
export function randomName(prefix: string): string {
  return `${prefix}${randomWord(8)}`;
}
