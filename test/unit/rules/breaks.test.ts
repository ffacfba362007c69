import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { BREAKS } from '../../rules/breaks.ts';

describe('The rules that are broken on purpose', () => {
  it('are all of them', () => {
    const rules = new Set(BREAKS.map(({ rule }) => rule));
    expect([...rules]).to.deep.equal(Array.from({ length: 21 }, (_, i) => `P${i + 1}`));
  });

  it('are each broken by one change of the code as it is', () => {
    for (const { file, find, replace, name } of BREAKS) {
      expect(readFileSync(file, 'utf8').split(find), `${name}: ${file}`).to.have.lengthOf(2);
      expect(replace, name).not.to.equal(find);
    }
  });

  it('are noticed by tests that docs/guarantees.md names for them', () => {
    const table = readFileSync('docs/guarantees.md', 'utf8');
    for (const { rule, file, tests } of BREAKS) {
      const row = table.split('\n').find((line) => line.startsWith(`| **${rule}** `)) ?? '';
      expect(row, `${rule}: where it is kept`).to.include(`\`${file}\``);
      for (const test of tests) {
        expect(existsSync(test), test).to.equal(true);
        expect(row, `${rule}: what fails`).to.include(`\`${test}\``);
      }
    }
  });
});
