import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { findOnPath, isAtLeast } from '../../../stack/install/programs-on-path.ts';

describe('A version', () => {
  const cases: [string, string, boolean][] = [
    ['8.0.19', '8.0.19', true],
    ['8.0.18', '8.0.19', false],
    ['8.4.0', '8.0.19', true],
    ['10.11.6', '10.6', true],
    ['9.7.0', '10.6', false],
    ['7', '7.0', true],
  ];
  for (const [version, oldest, fits] of cases) {
    it(`${version} is ${fits ? '' : 'not '}at least ${oldest}`, () => {
      expect(isAtLeast(version, oldest)).to.equal(fits);
    });
  }
});

describe('A program in PATH', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'path-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const plant = (place: string, version: string): string => {
    const file = join(folder, place, 'server');
    mkdirSync(join(folder, place));
    writeFileSync(file, `#!/bin/sh\necho 'server ${version}'\n`);
    chmodSync(file, 0o755);
    return file;
  };
  const find = (...places: string[]): Promise<string | undefined> =>
    findOnPath(
      {
        name: 'server',
        parseVersion: (text) => /^server ([\d.]+)/.exec(text)?.[1],
        oldest: '8.0.19',
      },
      places.map((place) => join(folder, place)).join(':'),
    );

  it('is the first one that is new enough', async () => {
    plant('old', '5.7.44');
    const fitting = plant('fitting', '8.0.39');
    plant('newest', '9.7.0');
    expect(await find('missing', 'old', 'fitting', 'newest')).to.equal(fitting);
  });

  it('is none where all are too old, or something else', async () => {
    plant('old', '5.7.44');
    plant('other', 'of another kind');
    expect(await find('old', 'other')).to.equal(undefined);
  });
});
