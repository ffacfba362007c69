import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';

/** Files that name old words on purpose: this test, and the history of what was called how. */
const ABOUT_OLD_WORDS = ['test/unit/docs/names.test.ts', 'CHANGELOG.md'];

/**
 * Words that were replaced, and what is said now (docs/glossary.md). A word also stands for its part
 * in a longer name: `desk` is found in `CouponDesk` and in `desk.ts`.
 */
const REPLACED: readonly { word: string; found: RegExp; say: string }[] = [
  { word: 'desk', found: /\b[Dd]esks?\b|Desk/, say: 'command context, write model state' },
  { word: 'whenAdmitted', found: /whenAdmitted/, say: 'admit' },
  { word: 'couponDoor', found: /couponDoor/, say: 'shed load' },
  { word: 'the house is full', found: /house is full/i, say: 'at capacity' },
  { word: 'TurnEnded', found: /TurnEnded/, say: 'partition lease' },
  { word: 'hindrance', found: /hindrance/i, say: 'not-ready reason' },
  { word: 'lane', found: /\b[Ll]anes?\b|Lane\b/, say: 'topic partition' },
  { word: 'held letter', found: /held[ -]letter/i, say: 'deferred record' },
  { word: 'set aside', found: /set[ -]aside|setAside|SetAside/i, say: 'quarantine' },
  { word: 'refused-event', found: /refused-event/, say: 'quarantine' },
  { word: 'last look', found: /last[ -]look|LastLook/i, say: 'master check' },
  { word: 'write splitting', found: /write-splitting|storeSplitting/, say: 'bisect batch' },
  { word: 'take lock', found: /take-lock|takeLock/, say: 'acquire lock' },
  { word: 'heapsOf', found: /heapsOf/, say: 'bucketsOf' },
  { word: 'tombstone', found: /tombstone/i, say: 'closing marker' },
  { word: 'topic ends', found: /topic-ends|TopicEnds/, say: 'end offsets' },
  { word: 'widen topics', found: /widen-topics|widenTopics/, say: 'add partitions' },
  { word: 'keeper', found: /\bkeepers?\b|keeper\.sh/i, say: 'watchdog' },
  { word: 'judge-exchange', found: /judge-exchange/, say: 'classify response' },
  { word: 'answer-reader', found: /answer-reader/, say: 'response parser' },
  { word: 'untold', found: /\b[Uu]ntold|UNTOLD/, say: 'unanswered' },
  { word: 'fate', found: /\bfates?\b|Fate\b/i, say: 'disposition, outcome' },
  { word: 'crowd', found: /\bcrowd\b(?! that arrives in the same second)/i, say: 'workload' },
  { word: 'protocol.md', found: /protocol\.md/, say: 'docs/guarantees.md' },
];

/** Exported names that are the same in several files because somebody else gave them. */
const IN_SEVERAL_FILES: readonly { name: string; files: RegExp; why: string }[] = [
  { name: 'up', files: /^migrations\//, why: 'knex calls it in each migration' },
  { name: 'down', files: /^migrations\//, why: 'knex calls it in each migration' },
];

const EXPORTED =
  /^export (?:declare )?(?:async )?(?:abstract )?(?:const|let|function\*?|class|type|interface|enum) (\w+)/gm;

/** Path to text, for every file of the repository with one of these endings. */
function readFiles(...endings: string[]): Map<string, string> {
  const patterns = endings.map((ending) => `*.${ending}`);
  const { stdout } = spawnSync('git', ['ls-files', ...patterns], { encoding: 'utf8' });
  const paths = stdout.trim().split('\n').filter(existsSync);
  return new Map(paths.map((path) => [path, readFileSync(path, 'utf8')]));
}

describe('the names of this repository', () => {
  const files = readFiles('ts', 'lua', 'sh', 'md');

  for (const { word, found, say } of REPLACED) {
    it(`say "${say}", not "${word}"`, () => {
      const places = [...files].flatMap(([path, text]) => {
        if (ABOUT_OLD_WORDS.includes(path)) return [];
        const lines = text.split('\n').flatMap((line, n) => (found.test(line) ? [n + 1] : []));
        return [...(found.test(path) ? [path] : []), ...lines.map((line) => `${path}:${line}`)];
      });
      expect(places).to.deep.equal([]);
    });
  }

  it('stand for one thing each: a product file exports none that another exports', () => {
    const filesOf = new Map<string, string[]>();
    for (const [path, text] of files) {
      if (path.startsWith('test/') || !path.endsWith('.ts')) continue;
      for (const [, name = ''] of text.matchAll(EXPORTED)) {
        filesOf.set(name, [...(filesOf.get(name) ?? []), path]);
      }
    }
    const shared = [...filesOf].filter(
      ([name, paths]) =>
        paths.length > 1 &&
        !IN_SEVERAL_FILES.some(
          (allowed) => allowed.name === name && paths.every((path) => allowed.files.test(path)),
        ),
    );
    expect(Object.fromEntries(shared)).to.deep.equal({});
  });
});
