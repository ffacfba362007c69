// docs/operations.md and the code say the same of metrics and of readiness.
import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';

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

  it('names only commands that package.json has', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
    for (const [, name = ''] of DOCUMENT.matchAll(/npm run ([\w:-]+)/g)) {
      expect(scripts).to.have.property(name);
    }
  });
});
