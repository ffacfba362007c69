import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';

const README = readFileSync('README.md', 'utf8');
const SETTINGS_FILES = {
  'command-api': ['command-api/settings.ts', 'platform/telemetry.ts'],
  projector: ['projector/settings.ts', 'platform/telemetry.ts'],
  'query-api': ['query-api/settings.ts', 'platform/telemetry.ts'],
};

/** Names of settings in the code, each with the services that read it. */
function settingsInCode(): Map<string, Set<string>> {
  const readers = new Map<string, Set<string>>();
  for (const [service, files] of Object.entries(SETTINGS_FILES)) {
    for (const file of files) {
      for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(
        /read\s*\.\w+\(\s*'([A-Z_]+)'/g,
      )) {
        readers.set(name, (readers.get(name) ?? new Set()).add(service));
      }
    }
  }
  return readers;
}

/** The same, as the table in the README says. */
function settingsInReadme(): Map<string, Set<string>> {
  const section = README.slice(README.indexOf('## Settings'), README.indexOf('## Measured'));
  const rows = [...section.matchAll(/^\| `([A-Z_]+)` \| ([^|]+) \|/gm)];
  return new Map(
    rows.map(([, name = '', services = '']) => [
      name,
      new Set(
        services.trim() === 'all' ? Object.keys(SETTINGS_FILES) : services.trim().split(', '),
      ),
    ]),
  );
}

describe('The README', () => {
  it('lists every setting with the services that read it, and no other', () => {
    expect(settingsInReadme()).to.deep.equal(settingsInCode());
  });

  it('names only commands that package.json has', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
    for (const [, name] of README.matchAll(/npm run ([\w:-]+)/g))
      expect(scripts).to.have.property(name ?? '');
  });

  it('shows every folder of the tree, and only folders that are there', () => {
    const folders = readdirSync('.', { withFileTypes: true })
      .filter(
        (entry) =>
          entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules',
      )
      .map(({ name }) => name);
    const tree = README.slice(README.indexOf('## The tree'), README.indexOf('## Settings'));
    const shown = [...tree.matchAll(/^([\w-]+)\/ +\w/gm)].map(([, name]) => name);
    expect(shown).to.have.members(folders);
  });

  it('links to files that are there', () => {
    for (const [, path = ''] of README.matchAll(/\]\((?!http)([^)#]+)\)/g)) {
      expect(() => readFileSync(path), path).not.to.throw();
    }
  });
});
