import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { lastLogLines } from '../../../stack/process/log-tail.ts';

describe('The last lines of a log', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'log-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are the last ones, oldest first', () => {
    const file = join(folder, 'a.log');
    writeFileSync(file, 'one\ntwo\nthree\n');
    expect(lastLogLines(file, 2)).to.deep.equal(['two', 'three']);
  });

  it('come out of a large file without reading all of it', () => {
    const file = join(folder, 'large.log');
    writeFileSync(file, `${'x'.repeat(5_000_000)}\nlast\n`);
    expect(lastLogLines(file, 1)).to.deep.equal(['last']);
  });

  it('are none when there is no file', () => {
    expect(lastLogLines(join(folder, 'none.log'))).to.deep.equal([]);
  });
});
