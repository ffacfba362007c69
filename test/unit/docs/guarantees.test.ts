import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { MODEL_RUNS } from '../../../spec/runner/model-runs.ts';
import { filesIn } from './files-in.ts';

const TEXT = readFileSync('docs/guarantees.md', 'utf8');
const RULES = Array.from({ length: 21 }, (_, i) => `P${i + 1}`);

type Row = { rule: string; keptBy: string; failsWithout: string; model: string };
const ROWS: Row[] = [
  ...TEXT.matchAll(/^\| \*\*(P\d+)\*\* \|([^|]+)\|([^|]+)\|([^|]+)\|([^|]+)\|$/gm),
].map(([, rule = '', , keptBy = '', failsWithout = '', model = '']) => ({
  rule,
  keptBy,
  failsWithout,
  model: model.trim(),
}));

/** The runs that a cell names: what stands before any remark in brackets. */
function runsIn({ model }: Row): string[] {
  return model.startsWith('–') ? [] : model.split(', ');
}

describe('docs/guarantees.md', () => {
  it('has one row for each rule of the protocol', () => {
    expect(ROWS.map(({ rule }) => rule)).to.deep.equal(RULES);
  });

  it('names code for each rule, and only functions that are in the file named', () => {
    for (const { rule, keptBy } of ROWS) {
      const files = filesIn(keptBy);
      expect(files, rule).not.to.have.lengthOf(0);
      for (const { path, names } of files) {
        const source = readFileSync(path, 'utf8');
        for (const name of names)
          expect(source, `${path} of ${rule}`).to.match(new RegExp(`\\b${name}\\b`));
      }
    }
  });

  it('names a test for each rule and each promise', () => {
    for (const { rule, failsWithout } of ROWS) {
      const files = filesIn(failsWithout);
      expect(files, rule).not.to.have.lengthOf(0);
      for (const { path } of files) expect(path, rule).to.match(/^test\/.+\.test\.ts$/);
    }
    for (const { path } of filesIn(TEXT).filter(({ path }) => path.includes('/')))
      expect(existsSync(path), path).to.equal(true);
  });

  it('names every run of the model that breaks a rule, at that rule, and no other', () => {
    const named = ROWS.flatMap((row) => runsIn(row).map((run) => `${row.rule} ${run}`));
    const broken = MODEL_RUNS.filter(({ violates }) => violates !== null).flatMap(
      ({ rules, name }) => rules.map((rule) => `${rule} ${name}`),
    );
    expect(named).to.have.members(broken);
  });
});
