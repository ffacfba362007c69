import { expect } from 'chai';
import fc from 'fast-check';
import { isUserId } from '../../../domain/user-id.ts';
import { BLANK_TEXTS } from '../../support/fixtures/blank-texts.ts';

describe('A user id', () => {
  for (const id of [
    'a',
    '0',
    'user-1',
    'ann@example.org',
    'ann lee',
    'ann  lee',
    '김민수',
    '홍 길동',
    'é',
    'e\u0301',
    '❤\ufe0f',
    '...',
    '.a',
    '%2e',
    'a/../b',
    'a\\b?c#d',
    '😀',
    '👍🏽',
    '{"a":1}',
    "'; DROP TABLE coupons; --",
    '__proto__',
    'a/b,c|d',
    'x'.repeat(64),
    '😀'.repeat(64),
  ]) {
    it(`may be ${JSON.stringify(id.slice(0, 30))} (${[...id].length} characters)`, () => {
      expect(isUserId(id)).to.equal(true);
    });
  }

  for (const [what, id] of [
    ['empty', ''],
    ['a space', ' '],
    ['a text with a space before it', ' ann'],
    ['a text with a space after it', 'ann '],
    ['a text with a tab', 'ann\tlee'],
    ['a text with a line break', 'ann\nlee'],
    ['a text that ends in a line break', 'ann\n'],
    ['a text with NUL', 'ann\u0000'],
    ['a text with DEL', 'ann\u007f'],
    ['a text with a no-break space', 'ann\u00a0lee'],
    ['a text with an ideographic space', '홍\u3000길동'],
    ['a text with a zero-width space', 'ann\u200blee'],
    ['a text with a zero-width joiner', '👨\u200d👩'],
    ['a text with a direction override', 'ann\u202eeel'],
    ['a text with a byte order mark', '\ufeffann'],
    ['a text with a private character', 'ann\ue000'],
    ['a text with an unassigned character', 'ann\u{e0fff}'],
    ['a lone high surrogate', 'ann\ud83d'],
    ['a lone low surrogate', '\ude00ann'],
    ['65 characters', 'x'.repeat(65)],
    ['65 emoji', '😀'.repeat(65)],
    ['a million characters', 'x'.repeat(1_000_000)],
    ['the segment that means here', '.'],
    ['the segment that means one up', '..'],
    ['a text with a filler at its end', 'ann\u3164'],
    ['a text with a braille blank', 'ann\u2800lee'],
    ...BLANK_TEXTS,
    ['a number', 1],
    ['null', null],
    ['nothing', undefined],
    ['a list', ['ann']],
    ['an object with a length', { length: 3 }],
  ] as const) {
    it(`may not be ${what}`, () => {
      expect(isUserId(id)).to.equal(false);
    });
  }

  it('is never more than 64 code points, never broken unicode, never with hidden ends', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
        if (!isUserId(text)) return;
        expect([...text].length).to.be.within(1, 64);
        expect(text.isWellFormed()).to.equal(true);
        expect(text.trim()).to.equal(text);
      }),
    );
  });

  it('is found out in time that grows with its length only', () => {
    const startedMs = performance.now();
    expect(isUserId(`${'a '.repeat(60)}\u0000`)).to.equal(false);
    expect(isUserId(`${'a'.repeat(127)}\u0000`)).to.equal(false);
    expect(performance.now() - startedMs).to.be.below(2_000);
  });
});
