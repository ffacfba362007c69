import { randomInt } from 'node:crypto';

const CHARACTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/**
 * A random word of lower-case letters and digits, safe wherever a name or a secret may end up: as an
 * argument (nothing can take it for an option), in a file name, a topic, a table or an address.
 * @param length in characters, of about 5 bits each
 */
export function randomWord(length: number): string {
  return Array.from({ length }, () => CHARACTERS[randomInt(CHARACTERS.length)]).join('');
}
