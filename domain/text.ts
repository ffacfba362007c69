// What a text shows, and cutting one without breaking a character.

// Letters, numbers, punctuation and symbols. Not those without ink: fillers and other ignorable ones, the
// empty braille pattern, the null notehead, the blanks of Egyptian hieroglyphs.
const WITH_INK =
  /[[\p{L}\p{N}\p{P}\p{S}]--[\p{Default_Ignorable_Code_Point}\u2800\u{1d159}\u{13441}\u{13442}]]/v;
const INK_OF_ASCII = /[!-~]/;

const GRAPHEMES = new Intl.Segmenter('und', { granularity: 'grapheme' });

/**
 * Does `text` show anything? White space, zero-width and control characters, fillers, and marks that stand
 * on nothing show nothing.
 */
export function isVisible(text: string): boolean {
  return INK_OF_ASCII.test(text) || WITH_INK.test(text);
}

/**
 * The beginning of `text`, at most `maxCharacters` code points, well-formed, and ending between two
 * characters as a reader sees them: an emoji of several code points is in it whole or not at all.
 */
export function cutText(text: string, maxCharacters: number): string {
  if (text.length <= maxCharacters) return text.toWellFormed();
  // A code point is one or two UTF-16 units; one more character tells whether the last one goes on.
  const beginning = text.slice(0, 2 * maxCharacters + 2).toWellFormed();
  let kept = '';
  let characters = 0;
  for (const { segment } of GRAPHEMES.segment(beginning)) {
    characters += [...segment].length;
    if (characters > maxCharacters) break;
    kept += segment;
  }
  // One character alone that is longer than all there is room for.
  return kept === '' ? [...beginning].slice(0, maxCharacters).join('') : kept;
}
