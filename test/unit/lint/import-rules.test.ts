import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { expect } from 'chai';

/** What each folder of the top level may import beside itself; docs/architecture.md says the same. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  contracts: ['domain'],
  platform: [],
  http: ['domain', 'contracts', 'platform'],
  'command-api': ['domain', 'contracts', 'platform', 'http', 'redis-rebuild'],
  projector: ['domain', 'contracts', 'platform', 'http'],
  'query-api': ['domain', 'contracts', 'platform', 'http'],
  'redis-rebuild': ['domain', 'contracts', 'platform'],
  admin: ['domain', 'contracts', 'platform'],
  verifier: ['domain', 'contracts', 'platform'],
  stack: ['platform'],
  spec: ['platform', 'stack'],
  loadtest: ['domain', 'contracts', 'platform', 'verifier'],
  migrations: [],
  cli: [
    ...['admin', 'contracts', 'domain', 'loadtest', 'platform'],
    ...['redis-rebuild', 'stack', 'verifier'],
  ],
};
const FOLDERS = [...Object.keys(MAY_IMPORT), 'test'];

type Planted = { file: string; specifier: string; refused: boolean };

/** Every folder of the repository that holds code, with the folder of the top level it is in. */
function foldersOfCode(): { folder: string; top: string }[] {
  const { stdout } = spawnSync('git', ['ls-files', '*.ts'], { encoding: 'utf8' });
  const folders = new Set(stdout.trim().split('\n').map(dirname));
  return [...folders]
    .map((folder) => ({ folder, top: folder.split('/')[0] ?? '' }))
    .filter(({ top }) => MAY_IMPORT[top] !== undefined);
}

/** One file for each folder of code and each folder that it could import. */
function plantEverywhere(): Planted[] {
  return foldersOfCode().flatMap(({ folder, top }) =>
    FOLDERS.filter((other) => other !== top).map((other) => {
      const inside = relative(folder, other);
      return {
        file: join(folder, `planted-${other}.ts`),
        // One in a subfolder, too: a rule that holds only for the folder itself is none.
        specifier: other === 'domain' ? `${inside}/coupon.ts` : `${inside}/some/planted.ts`,
        refused: !(MAY_IMPORT[top] ?? []).includes(other),
      };
    }),
  );
}

type Diagnostic = { category: string; location: { path: string | { file: string } } };

/** The files that the lint step of `npm run check` refuses for what they import, and in what words. */
function refusals(files: ReadonlyMap<string, string>): Map<string, Set<string>> {
  const tree = mkdtempSync(join(tmpdir(), 'firstcome-lint-'));
  try {
    const config = JSON.parse(readFileSync('biome.json', 'utf8'));
    writeFileSync(join(tree, 'biome.json'), JSON.stringify({ ...config, vcs: { enabled: false } }));
    writeFileSync(join(tree, 'package.json'), readFileSync('package.json'));
    for (const [path, text] of files) {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      writeFileSync(join(tree, path), text);
    }
    const { stdout } = spawnSync(
      'biome',
      ['lint', '--reporter=json', '--max-diagnostics=none', '.'],
      { cwd: tree, encoding: 'utf8', maxBuffer: 64 * 1_048_576 },
    );
    const found = new Map<string, Set<string>>();
    const { diagnostics } = JSON.parse(stdout) as { diagnostics: Diagnostic[] };
    for (const { category, location } of diagnostics) {
      const path = typeof location.path === 'string' ? location.path : location.path.file;
      const file = path.replace(/^\.\//, '');
      found.set(file, (found.get(file) ?? new Set()).add(category));
    }
    return found;
  } finally {
    rmSync(tree, { recursive: true });
  }
}

function importing(specifier: string): string {
  return `import * as planted from '${specifier}';\n\nvoid planted;\n`;
}

describe('The import rules that npm run check applies', () => {
  it('hold in every folder, subfolders included, for every import across folders', () => {
    const planted = plantEverywhere();
    expect(planted.length).to.be.greaterThan(400);
    const found = refusals(
      new Map(planted.map(({ file, specifier }) => [file, importing(specifier)])),
    );
    const wrong = planted.filter(
      ({ file, refused }) =>
        (found.get(file)?.has('lint/style/noRestrictedImports') ?? false) !== refused,
    );
    expect(wrong).to.deep.equal([]);
  }).timeout(180_000);

  for (const specifier of ['kafkajs', 'pino/file.js', 'node:fs', '@opentelemetry/api']) {
    it(`refuse domain/ and its subfolders that import ${specifier}`, () => {
      const files = ['domain/planted.ts', 'domain/decisions/planted.ts'];
      const found = refusals(new Map(files.map((file) => [file, importing(specifier)])));
      for (const file of files) {
        expect([...(found.get(file) ?? [])]).to.include('lint/style/noRestrictedImports');
      }
    });
  }

  it('let platform/kafka/ alone import kafkajs, and of the tests only those that need it', () => {
    const planted = [...Object.keys(MAY_IMPORT), ...foldersOfCode().map(({ folder }) => folder)]
      .concat('test', 'test/support/system', 'test/integration/platform/kafka')
      .flatMap((folder) => [
        { file: `${folder}/planted.ts`, specifier: 'kafkajs' },
        { file: `${folder}/planted-inside.ts`, specifier: 'kafkajs/src/cluster/index.js' },
      ])
      .concat(
        { file: 'test/support/system/records.ts', specifier: 'kafkajs' },
        { file: 'test/unit/platform/kafka/planted.ts', specifier: 'kafkajs' },
        { file: 'cli/rebuild-reads.ts', specifier: 'kafkajs' },
      );
    const found = refusals(
      new Map(planted.map(({ file, specifier }) => [file, importing(specifier)])),
    );
    const allowed = planted
      .map(({ file }) => file)
      .filter((file) => !(found.get(file)?.has('lint/style/noRestrictedImports') ?? false));
    expect(new Set(allowed)).to.deep.equal(
      new Set([
        'platform/kafka/planted.ts',
        'platform/kafka/planted-inside.ts',
        'test/support/system/records.ts',
        'test/unit/platform/kafka/planted.ts',
      ]),
    );
  }).timeout(180_000);

  it("let only the command of a rebuild import the projector's own rebuild", () => {
    const rebuild = '../projector/rebuild/planted.ts';
    const found = refusals(
      new Map([
        ['cli/rebuild-reads.ts', importing(rebuild)],
        ['cli/planted.ts', importing(rebuild)],
        ['cli/shared/planted.ts', importing(`../${rebuild}`)],
      ]),
    );
    expect(
      found.get('cli/rebuild-reads.ts')?.has('lint/style/noRestrictedImports') ?? false,
    ).to.equal(false);
    for (const file of ['cli/planted.ts', 'cli/shared/planted.ts']) {
      expect([...(found.get(file) ?? [])]).to.include('lint/style/noRestrictedImports');
    }
  });

  it('refuse a circle that only types make', () => {
    const found = refusals(
      new Map([
        [
          'projector/consumer/one.ts',
          "import type { Two } from './two.ts';\n\nexport type One = Two[];\n",
        ],
        [
          'projector/consumer/two.ts',
          "import type { One } from './one.ts';\n\nexport type Two = { one: One };\n",
        ],
      ]),
    );
    expect([...(found.get('projector/consumer/one.ts') ?? [])]).to.include(
      'lint/suspicious/noImportCycles',
    );
  });
});
