// What a user id may be: the one rule of both APIs.
import { LIMITS } from './commands.ts';

// \p{C}: control, format, surrogate, private use, unassigned. \p{Z}: every kind of space.
const PRINTABLE = /^[^\p{C}\p{Z}]+(?: +[^\p{C}\p{Z}]+)*$/u;

/**
 * Is `value` a user id: a text of 1 to 64 code points, printable, U+0020 the only space and none at
 * either end? Ids are compared as they are: no case folding, no normalisation.
 */
export function isUserId(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  // A code point is one or two UTF-16 units: the cheap bound comes first.
  if (value.length > 2 * LIMITS.userIdCharacters || !PRINTABLE.test(value)) return false;
  return [...value].length <= LIMITS.userIdCharacters;
}
