import { existsSync, globSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { filesIn } from './files-in.ts';

const FOLDERS = 'admin,command-api,http,platform,projector,query-api,redis-rebuild';
const SOURCES = globSync(`{${FOLDERS}}/**/*.ts`).map((path) => readFileSync(path, 'utf8'));

type Row = { name: string; looks: string; test: string };
const ROWS: Row[] = readFileSync('docs/assumptions.md', 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.slice(1, -1).split(' | '))
  .map(([name = '', , looks = '', , , test = '']) => ({
    name: name.trim().replaceAll('`', ''),
    ...{ looks, test },
  }));

/** The names of the assumptions that the code watches while it runs. */
function watchedNames(): string[] {
  return SOURCES.flatMap((source) => [
    ...source.matchAll(/name: '([a-z0-9-]+)',\s+severity: '/g),
  ]).map(([, name = '']) => name);
}

describe('docs/assumptions.md', () => {
  it('has one row for each name', () => {
    const names = ROWS.map(({ name }) => name);
    expect(names).not.to.have.lengthOf(0);
    expect([...new Set(names)]).to.deep.equal(names);
  });

  it('has a row for each assumption that the code watches', () => {
    expect(ROWS.map(({ name }) => name)).to.include.members(watchedNames());
  });

  it('names who looks, and only functions that are in the file named', () => {
    for (const { name, looks } of ROWS) {
      const files = filesIn(looks);
      expect(files, name).not.to.have.lengthOf(0);
      for (const { path, names } of files) {
        const source = readFileSync(path, 'utf8');
        for (const one of names)
          expect(source, `${path} of ${name}`).to.match(new RegExp(`\\b${one}\\b`));
      }
    }
  });

  it('names a test for each assumption', () => {
    for (const { name, test } of ROWS) {
      const files = filesIn(test);
      expect(files, name).not.to.have.lengthOf(0);
      for (const { path } of files) {
        expect(path, name).to.match(/^test\/.+\.test\.ts$/);
        expect(existsSync(path), path).to.equal(true);
      }
    }
  });
});
