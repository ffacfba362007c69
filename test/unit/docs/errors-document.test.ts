// docs/errors.md and the two lists in the code say the same.
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { PROBLEMS } from '../../../contracts/problems.ts';
import { ERROR_CODES } from '../../../platform/errors.ts';

const document = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');

/** The cells of every table row whose first cell matches. */
function rowsOf(firstCell: RegExp): string[][] {
  return document
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()))
    .filter(([first]) => firstCell.test(first ?? ''));
}

describe('docs/errors.md', () => {
  const listed = rowsOf(/^Coupon-/);
  const thrown = rowsOf(/^[A-Z]+_[A-Z_]+$/);

  it('lists every code that a caller may get, with its status and title, and no other', () => {
    expect(
      listed.map(([code, status, title]) => ({ code, status: Number(status), title })),
    ).to.have.deep.members(Object.values(PROBLEMS));
  });

  it('lists every code that is thrown, with its meaning, and no other', () => {
    expect(Object.fromEntries(thrown.map(([code, meaning]) => [code, meaning]))).to.deep.equal(
      ERROR_CODES,
    );
  });

  it('lists each code once, in order', () => {
    const codes = listed.map(([code]) => code);
    expect(codes).to.deep.equal([...new Set(codes)].sort());
    expect(new Set(thrown.map(([code]) => code)).size).to.equal(thrown.length);
  });

  it('says for each when it happens and what follows', () => {
    for (const row of listed) expect(row.filter((cell) => cell !== '')).to.have.length(5);
    for (const row of thrown) expect(row.filter((cell) => cell !== '')).to.have.length(3);
  });

  it('numbers without gaps, and never gives a number to two problems', () => {
    const codes = Object.values(PROBLEMS).map(({ code }) => code);
    expect(codes).to.deep.equal(
      codes.map((_, index) => `Coupon-${String(index + 1).padStart(4, '0')}`),
    );
  });

  it('keeps the numbers of the six codes that were there before, with an honest status', () => {
    expect(
      Object.values(PROBLEMS)
        .slice(0, 6)
        .map(({ status }) => status),
    ).to.deep.equal([404, 400, 400, 400, 400, 409]);
  });
});
