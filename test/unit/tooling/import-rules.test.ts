import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect } from 'chai';

/** Does the lint step of `npm run check` refuse a tree in which `path` imports `specifier`? */
function isRefused(path: string, specifier: string): boolean {
  const tree = mkdtempSync(join(tmpdir(), 'firstcome-lint-'));
  try {
    const config = JSON.parse(readFileSync('biome.json', 'utf8'));
    writeFileSync(join(tree, 'biome.json'), JSON.stringify({ ...config, vcs: { enabled: false } }));
    writeFileSync(join(tree, 'package.json'), readFileSync('package.json'));
    const file = join(tree, path);
    mkdirSync(dirname(file));
    writeFileSync(file, `import * as planted from '${specifier}';\n\nvoid planted;\n`);
    const ended = spawnSync(resolve('node_modules/.bin/biome'), ['lint', '.'], {
      cwd: tree,
      encoding: 'utf8',
    });
    const named = (ended.stdout + ended.stderr).includes('lint/style/noRestrictedImports');
    expect(ended.status !== 0, `${ended.stdout}${ended.stderr}`).to.equal(named);
    return named;
  } finally {
    rmSync(tree, { recursive: true });
  }
}

describe('The import rules that npm run check applies', () => {
  const forbidden: [string, string][] = [
    ['domain/planted.ts', 'kafkajs'],
    ['domain/planted.ts', 'node:fs'],
    ['domain/planted.ts', '../platform/errors.ts'],
    ['platform/planted.ts', '../domain/coupon.ts'],
    ['http/planted.ts', '../command-api/desk.ts'],
    ['command-api/planted.ts', '../projector/store.ts'],
    ['command-api/planted.ts', '../query-api/cursor.ts'],
    ['projector/planted.ts', '../query-api/cursor.ts'],
    ['query-api/planted.ts', '../command-api/desk.ts'],
    ['verifier/planted.ts', '../command-api/write-model.ts'],
    ['tools/planted.ts', '../projector/store.ts'],
    ['tools/planted.ts', '../projector/rebuild-reads.ts'],
    ['tools/rebuild-reads.ts', '../projector/store.ts'],
  ];
  for (const [path, specifier] of forbidden) {
    it(`refuse ${path} that imports ${specifier}`, () => {
      expect(isRefused(path, specifier)).to.equal(true);
    });
  }

  const allowed: [string, string][] = [
    ['domain/planted.ts', './coupon.ts'],
    ['command-api/planted.ts', '../domain/coupon.ts'],
    ['command-api/planted.ts', '../platform/errors.ts'],
    ['query-api/planted.ts', '../http/problems.ts'],
    ['tools/rebuild-reads.ts', '../projector/rebuild-reads.ts'],
  ];
  for (const [path, specifier] of allowed) {
    it(`let ${path} import ${specifier}`, () => {
      expect(isRefused(path, specifier)).to.equal(false);
    });
  }
});
