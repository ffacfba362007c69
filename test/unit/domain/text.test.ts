import { expect } from 'chai';
import fc from 'fast-check';
import { cutText, isVisible } from '../../../domain/text.ts';
import { BLANK_TEXTS } from '../../support/fixtures/blank-texts.ts';

describe('A text', () => {
  for (const [what, text] of BLANK_TEXTS) {
    it(`of ${what} shows nothing`, () => {
      expect(isVisible(text)).to.equal(false);
      expect(isVisible(`${text}x${text}`)).to.equal(true);
    });
  }

  for (const text of [
    'a',
    '0',
    '.',
    '쿠폰',
    'ᄀ',
    'می\u200cخواهم',
    '👨‍👩‍👧',
    '❤\ufe0f',
    '🏴',
    '·',
    'ㅤ가',
    '￼',
  ]) {
    it(`shows something, as ${text} does`, () => {
      expect(isVisible(text)).to.equal(true);
    });
  }

  it('is blank when it holds nothing but white space, control characters and nothing at all', () => {
    for (const text of [
      '',
      ' ',
      '\t\n',
      '\u00a0\u3000\u2028',
      '\u0000\u0007',
      '\ufeff',
      '\ud800',
    ]) {
      expect(isVisible(text)).to.equal(false);
    }
  });
});

describe('A text that is cut', () => {
  it('stays as it is while it fits', () => {
    expect(cutText('선착순', 3)).to.equal('선착순');
    expect(cutText('', 3)).to.equal('');
  });

  it('never ends within an emoji', () => {
    const family = '👨‍👩‍👧';
    expect(cutText(`ab${family}`, 4)).to.equal('ab');
    expect(cutText(`ab${family}c`, 7)).to.equal(`ab${family}`);
    expect(cutText(`${'x'.repeat(99)}😀`, 100)).to.equal(`${'x'.repeat(99)}😀`);
    expect(cutText('🇰🇷🇰🇷', 3)).to.equal('🇰🇷');
  });

  it('is well-formed, a beginning of what it was, and never too long, whatever it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.nat(20), (text, max) => {
        const cut = cutText(text, max);
        expect([...cut].length).to.be.at.most(max);
        expect(cut.isWellFormed()).to.equal(true);
        expect(text.toWellFormed().startsWith(cut)).to.equal(true);
      }),
    );
    for (const broken of ['\ud83d', 'a\ude00b', `${'x'.repeat(50)}\ud83d`]) {
      expect(cutText(broken, 40).isWellFormed()).to.equal(true);
    }
  });
});
