// What a user id may be: the one rule of both APIs.
import { LIMITS } from './commands.ts';
import { isVisible } from './text.ts';

// 1 to 64 characters of ASCII: nearly every id, found out at once.
const ASCII = /^[!-~](?:[ -~]{0,62}[!-~])?$/;
// \p{C}: control, format, surrogate, private use, unassigned. \p{Z}: every kind of space. Beside them what
// is not seen, as fillers; but variation selectors are part of many emoji.
const PRINTABLE =
  /^(?! )[^\p{C}[\p{Z}--\x20][\p{Default_Ignorable_Code_Point}--\p{Variation_Selector}]\u2800]+(?<! )$/v;

/** What is said of a text that is no user id. */
export const USER_ID_FAULT = `must be a text of 1 to ${LIMITS.userIdCharacters} printable characters that shows something, and not . or ..`;

/**
 * Is `value` a user id: a text of 1 to 64 code points, printable, showing something, U+0020 the only space
 * and none at either end? Ids are compared as they are: no case folding, no normalisation. `.` and `..` are
 * none: as segments of a path they mean "here" and "one up", and every client takes them out of an address.
 */
export function isUserId(value: unknown): value is string {
  if (typeof value !== 'string' || value === '.' || value === '..') return false;
  if (ASCII.test(value)) return true;
  // A code point is one or two UTF-16 units: the cheap bound comes first.
  if (value.length > 2 * LIMITS.userIdCharacters || !PRINTABLE.test(value)) return false;
  return [...value].length <= LIMITS.userIdCharacters && isVisible(value);
}
