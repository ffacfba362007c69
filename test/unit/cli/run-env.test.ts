import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { withRunEnv } from '../../../cli/shared/run-env.ts';

describe('the addresses of the running npm start', () => {
  let path: string;
  before(() => {
    path = mkdtempSync(join(tmpdir(), 'run-env-'));
    writeFileSync(join(path, 'env'), 'A=from-run\nB=mysql://u:p#1@h/db\nC=from-run\n');
  });
  after(() => rmSync(path, { recursive: true }));
  const file = (): URL => pathToFileURL(join(path, 'env'));

  it('are taken when none of the names is set; what is set beside them stays', () => {
    expect(withRunEnv({ A: '', C: 'own' }, ['A', 'B'], file())).to.deep.include({
      A: 'from-run',
      C: 'own',
    });
  });

  it('are not mixed with addresses that are set', () => {
    const env = { A: 'own' };
    expect(withRunEnv(env, ['A', 'B'], file())).to.equal(env);
  });

  it('are nothing when nothing runs', () => {
    const env = {};
    expect(withRunEnv(env, ['A'], new URL('missing', file()))).to.equal(env);
  });
});
