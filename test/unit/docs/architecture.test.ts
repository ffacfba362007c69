// docs/architecture.md and the code say the same of the path of one request.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';

const TEXT = readFileSync('docs/architecture.md', 'utf8');
const SECTION = TEXT.split('## ').find((part) => part.startsWith('The path of one request')) ?? '';
const PATH = [...SECTION.matchAll(/^\| \d+ \| `([\w/.-]+)` \|/gm)].map(([, file = '']) => file);
/** Each folder uses itself and those behind it. */
const LAYERS = ['http', 'commands', 'outbox', 'gate', 'write-model'];

/** The files of this repository that a file names: imports, those of types included, and scripts. */
function usedBy(file: string): string[] {
  return [...readFileSync(file, 'utf8').matchAll(/(?:from |import\(|new URL\()'(\.[^']+)'/g)].map(
    ([, path = '']) => join(dirname(file), path),
  );
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${folder}/${file}`);
}

describe('docs/architecture.md', () => {
  it('names only files that exist on the path of one request', () => {
    const named = [...SECTION.matchAll(/`([\w.-]+(?:\/[\w.-]+)+\.\w+)`/g)];
    for (const [, file = ''] of named) expect(existsSync(file), file).to.equal(true);
  });

  it('counts the files from the route to the 201: fewer than 22', () => {
    expect(PATH).to.have.length.within(15, 21);
    expect(SECTION).to.contain(`${PATH.length} files of \`command-api/\``);
    expect(new Set(PATH).size).to.equal(PATH.length);
  });

  it('goes only where the code goes: each file is used by one before it, or given by app.ts', () => {
    PATH.forEach((file, index) => {
      if (index === 0) return;
      const users = ['command-api/app.ts', ...PATH.slice(0, index)].filter((user) =>
        user.endsWith('.ts'),
      );
      expect(users.flatMap(usedBy), file).to.include(file);
    });
  });

  it('has no way back: no folder of the command API uses one above it', () => {
    LAYERS.forEach((layer, rank) => {
      const above = LAYERS.slice(0, rank).map((name) => `command-api/${name}/`);
      for (const file of filesUnder(`command-api/${layer}`)) {
        for (const used of usedBy(file)) {
          const isAbove = above.some((folder) => used.startsWith(folder));
          expect(isAbove, `${file} uses ${used}`).to.equal(false);
        }
      }
    });
  });
});
