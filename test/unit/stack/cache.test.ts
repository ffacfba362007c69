import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { cachedFolder, installOnce, isCached } from '../../../stack/install/cache.ts';
import { installMissing } from '../../../stack/install/installer.ts';
import { StackError } from '../../../stack/stack-error.ts';

describe('Installing into the cache', () => {
  const before = process.env.FIRSTCOME_CACHE;
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cache-'));
    process.env.FIRSTCOME_CACHE = folder;
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
    if (before === undefined) delete process.env.FIRSTCOME_CACHE;
    else process.env.FIRSTCOME_CACHE = before;
  });

  it('is done once by two that come at the same time, and both see all of it', async () => {
    let fills = 0;
    const install = () =>
      installOnce('thing', async (temporary) => {
        fills += 1;
        await pause(20);
        writeFileSync(join(temporary, 'file'), 'whole');
      });
    const folders = await Promise.all([install(), install()]);
    expect(fills).to.equal(1);
    expect(folders).to.deep.equal([cachedFolder('thing'), cachedFolder('thing')]);
    expect(readFileSync(join(cachedFolder('thing'), 'file'), 'utf8')).to.equal('whole');
  });

  it('leaves nothing when it fails, and can be tried again', async () => {
    const failure = await installOnce('thing', async () => {
      throw new Error('cut short');
    }).catch((error: Error) => error);
    expect(failure).to.have.property('message', 'cut short');
    expect(readdirSync(folder)).to.deep.equal([]);
    await installOnce('thing', async () => undefined);
    expect(isCached('thing')).to.equal(true);
  });

  it('clears away what a killed one left', async () => {
    mkdirSync(join(folder, 'thing.part-abc'));
    await installOnce('thing', async () => undefined);
    expect(readdirSync(folder)).to.deep.equal(['thing']);
  });
});

describe('Installing what is missing', () => {
  it('says nothing when everything is there', async () => {
    const lines: string[] = [];
    await installMissing(
      [{ title: 'a', isInstalled: () => true, install: () => expect.fail('installed again') }],
      (line) => lines.push(line),
    );
    expect(lines).to.deep.equal([]);
  });

  it('counts what gets ready, and names all that did not', async () => {
    const lines: string[] = [];
    const missing = (title: string, install: () => Promise<void>) => ({
      title,
      isInstalled: () => false,
      install,
    });
    const failure = await installMissing(
      [
        missing('good 1.0', async () => undefined),
        missing('bad 2.0', () => Promise.reject(new Error('no network'))),
        missing('worse', () => Promise.reject(new Error('no disk'))),
      ],
      (line) => lines.push(line),
    ).catch((error: unknown) => error);
    expect(lines[0]).to.equal('installing, this time only: good 1.0, bad 2.0, worse');
    expect(lines[1]).to.match(/^\[1\/3\] good 1\.0 … \d+\.\d s$/);
    expect(failure).to.be.instanceOf(StackError);
    expect(failure).to.have.property(
      'message',
      'bad 2.0 cannot be installed: no network\nworse cannot be installed: no disk',
    );
  });
});
