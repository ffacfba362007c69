// docs/operations.md and the code say the same of commands, metrics and readiness.
import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { SUBCOMMANDS } from '../../../cli/subcommands.ts';

const DOCUMENT = readFileSync('docs/operations.md', 'utf8');
const FOLDERS = ['command-api', 'projector', 'query-api', 'http'];

/** The source of every file of these folders. */
function sources(): string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(`${folder}/${file}`, 'utf8')),
  );
}

/** Every text that a pattern's group finds in the code. */
function inCode(pattern: RegExp): Set<string> {
  return new Set(
    sources().flatMap((text) => [...text.matchAll(pattern)].map(([, name]) => name ?? '')),
  );
}

describe('docs/operations.md', () => {
  it('explains every metric of the code, and no other', () => {
    const named = inCode(/\.create(?:Counter|Histogram|Gauge|ObservableGauge)\(\s*'(\w+)'/g);
    const explained = [...DOCUMENT.matchAll(/^\| `(\w+)` \| [a-z-]+ \|/gm)].map(([, name]) => name);
    expect(explained).to.have.members([...named]);
  });

  it('explains every fixed reason for not being ready', () => {
    const reasons = inCode(/ready: false, reason: '([^']+)'/g);
    const gate = readdirSync('command-api/gate')
      .map((file) => readFileSync(`command-api/gate/${file}`, 'utf8'))
      .join('\n');
    for (const [, reason = ''] of gate.matchAll(
      /reason: '([^']+)'|(?:shut|recheck)\('([^']+)'\)/g,
    )) {
      if (reason !== '') reasons.add(reason);
    }
    expect(reasons.size).to.be.above(6);
    for (const reason of reasons) expect(DOCUMENT).to.contain(reason);
  });

  it('has a line for each subcommand of firstcome, and for no other', () => {
    const explained = [...DOCUMENT.matchAll(/^\| `firstcome ([a-z-]+)` \|/gm)].map(
      ([, name]) => name,
    );
    expect(explained).to.deep.equal(SUBCOMMANDS.map(({ name }) => name));
  });
});
