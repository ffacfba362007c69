import { expect } from 'chai';
import { randomWord } from '../../../platform/random-word.ts';

describe('A random word', () => {
  it('is of lower-case letters and digits alone, and of the length asked for', () => {
    for (let round = 0; round < 1_000; round += 1) {
      expect(randomWord(22)).to.match(/^[a-z0-9]{22}$/);
    }
  });

  it('is another one each time', () => {
    const words = Array.from({ length: 1_000 }, () => randomWord(16));
    expect(new Set(words).size).to.equal(words.length);
  });
});
