// Values of options, read and checked; commander says which option a refused one belongs to.
import { InvalidArgumentError } from 'commander';
import { toUuid } from '../../domain/ids.ts';

/**
 * A reader of whole numbers within bounds.
 * @throws (the reader) InvalidArgumentError
 */
export function wholeNumber({ min, max }: { min: number; max: number }): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/**
 * A reader of numbers, with decimals, above `above` and up to `max`.
 * @throws (the reader) InvalidArgumentError
 */
export function decimal({ above, max }: { above: number; max: number }): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d+(\.\d+)?$/.test(text) && number > above && number <= max) return number;
    throw new InvalidArgumentError(`It must be a number above ${above} and up to ${max}.`);
  };
}

/** @throws InvalidArgumentError when it is no UUID */
export function couponId(text: string): string {
  const id = toUuid(text);
  if (id === null) throw new InvalidArgumentError('It must be the id of a coupon, a UUID.');
  return id;
}

/**
 * A reader of texts that are not empty and not longer than a column of the database takes.
 * @throws (the reader) InvalidArgumentError
 */
export function shortText(maxCharacters: number): (text: string) => string {
  return (text) => {
    const trimmed = text.trim();
    if (trimmed !== '' && [...trimmed].length <= maxCharacters) return trimmed;
    throw new InvalidArgumentError(`It must be a text of 1 to ${maxCharacters} characters.`);
  };
}

/** An id of a dead letter: a whole number from 1 on. */
export const deadLetterId = wholeNumber({ min: 1, max: 999_999_999_999_999 });

/** Further ids, behind those that were read before. */
export function deadLetterIds(text: string, earlier: readonly number[] = []): number[] {
  return [...earlier, deadLetterId(text)];
}
