// What documents name is there: files, npm scripts, subcommands.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { SUBCOMMANDS } from '../../../cli/subcommands.ts';

const FILES = [
  ...readdirSync('.').filter((file) => file.endsWith('.md')),
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
  'spec/README.md',
  'schemas/README.md',
];
/** Pages of decisions tell what was so at their time. */
const CURRENT = FILES.filter((file) => !file.includes('/adr/'));

function namesIn(file: string, pattern: RegExp): string[] {
  return [...readFileSync(file, 'utf8').matchAll(pattern)].map(([, name]) => name ?? '');
}

describe('Every document', () => {
  for (const file of FILES) {
    it(`${file} links to files that are there`, () => {
      const paths = namesIn(file, /\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g);
      const missing = paths.filter((path) => !existsSync(join(dirname(file), path)));
      expect(missing).to.deep.equal([]);
    });
  }

  it('names only scripts that package.json has', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
    for (const file of CURRENT) {
      const names = namesIn(file, /npm run (?:-s )?([a-z][\w:-]*)/g);
      expect(Object.keys(scripts), file).to.include.members(names);
    }
  });

  it('names only subcommands that firstcome has', () => {
    const known = SUBCOMMANDS.map(({ name }) => name);
    for (const file of CURRENT) {
      const names = namesIn(file, /(?:`|run (?:-s )?)firstcome (?:-- )?([a-z][a-z-]*)/g);
      expect(known, file).to.include.members(names);
    }
  });
});

describe('The README', () => {
  it('stays under two screens', () => {
    expect(readFileSync('README.md', 'utf8').split('\n').length).to.be.at.most(80);
  });
});

describe('docs/structure.md', () => {
  it('shows every folder of the tree, and only folders that are there', () => {
    const folders = readdirSync('.', { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => name)
      .filter((name) => name !== 'node_modules');
    expect(namesIn('docs/structure.md', /^([\w-]+)\/ +\S/gm)).to.have.members(folders);
  });
});
