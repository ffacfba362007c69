import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  type ManagedProcess,
  type ProcessOptions,
  startProcess,
} from '../../../stack/process/supervisor.ts';
import { StackError } from '../../../stack/stack-error.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { isAlive, processesNaming, scratchFolder } from './processes.ts';

/** Says that it serves by a file, then stays. */
const SERVES = `console.log('serving'); require('fs').writeFileSync(process.argv[1], String(process.pid)); setInterval(() => {}, 1000);`;

describe('A supervised process', () => {
  let folder: string;
  let remove: () => void;
  let marker: string;
  const started: ManagedProcess[] = [];

  beforeEach(() => {
    ({ folder, remove } = scratchFolder());
    marker = join(folder, 'serves');
  });
  afterEach(async () => {
    for (const managed of started.splice(0)) await managed.stop();
    await waitUntil('nothing is left', () => processesNaming(folder).length === 0);
    remove();
  });

  const start = async (code: string, options: Partial<ProcessOptions> = {}) => {
    const managed = await startProcess({
      name: 'it',
      command: process.execPath,
      args: ['-e', code, marker],
      logFile: join(folder, 'logs', 'it.log'),
      ready: async () => {
        if (!existsSync(marker)) throw new Error('no marker yet');
      },
      restart: false,
      ...options,
    });
    started.push(managed);
    return managed;
  };
  const failure = (starting: Promise<unknown>): Promise<Error> =>
    starting.then(
      () => expect.fail('it started'),
      (error: Error) => error,
    );

  it('is the very process that was asked for, and has served when its start ends', async () => {
    const managed = await start(SERVES);
    expect(readFileSync(marker, 'utf8')).to.equal(String(managed.pid));
    expect(readFileSync(join(folder, 'logs', 'it.log'), 'utf8')).to.equal('serving\n');
  });

  it('that dies at its start is told with its last words', async () => {
    const error = await failure(start(`console.error('no luck'); process.exit(3)`));
    expect(error).to.be.instanceOf(StackError);
    expect(error.message).to.match(/^it ended with 3, last lines of .*\n {2}no luck$/);
  });

  it('that is no program is told', async () => {
    const error = await failure(start('', { command: join(folder, 'none') }));
    expect(error.message).to.match(/^it ended with 127, .*\n.*not found$/);
  });

  it('that never serves is told and does not stay', async () => {
    const error = await failure(start('setInterval(() => {}, 1000)', { readyTimeoutMs: 500 }));
    expect(error.message).to.match(/^it does not serve after 0.5 s \(Error: no marker yet\)/);
  });

  it('whose start is cancelled does not stay', async () => {
    const cancel = new AbortController();
    const starting = failure(start('setInterval(() => {}, 1000)', { signal: cancel.signal }));
    await waitUntil('it runs', () => processesNaming(folder).length > 0);
    cancel.abort();
    expect((await starting).message).to.equal('it: the start was cancelled');
  });

  it('that dies is named at once with its last words, and comes back', async () => {
    const deaths: [string, string[]][] = [];
    const returns: string[] = [];
    const managed = await start(SERVES, {
      restart: true,
      onDeath: (name, lines) => deaths.push([name, lines]),
      onReturn: (name) => returns.push(name),
    });
    const firstPid = managed.pid;
    rmSync(marker);
    managed.kill('SIGKILL');
    expect(await managed.exited).to.deep.equal({ code: null, signal: 'SIGKILL' });
    expect(deaths).to.deep.equal([['it', ['serving']]]);
    await waitUntil('it is back', () => returns.length === 1);
    expect(managed.pid).to.not.equal(firstPid);
    expect(existsSync(marker)).to.equal(true);
  });

  it('that cannot come back is tried again until it can, or is stopped', async () => {
    const deaths: string[] = [];
    const code = `if (require('fs').existsSync(process.argv[1] + '.no')) process.exit(1); ${SERVES}`;
    const managed = await start(
      `${code} setTimeout(() => { require('fs').writeFileSync(process.argv[1] + '.no', ''); process.exit(1); }, 100)`,
      {
        restart: true,
        onDeath: (_, lines) => {
          deaths.push(lines[0] ?? '');
          rmSync(marker, { force: true });
        },
      },
    );
    await waitUntil('two attempts failed', () => deaths.length >= 3);
    expect(deaths[1]).to.match(/it ended with 1/);
    await managed.stop();
    const told = deaths.length;
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(deaths.length).to.equal(told);
  });

  it('stays down after a death when it is not to be restarted, until it is started', async () => {
    const deaths: string[] = [];
    const managed = await start(SERVES, { onDeath: (name) => deaths.push(name) });
    managed.kill('SIGKILL');
    await managed.exited;
    expect(deaths).to.deep.equal(['it']);
    expect(managed.pid).to.equal(undefined);
    rmSync(marker);
    await managed.start();
    expect(readFileSync(marker, 'utf8')).to.equal(String(managed.pid));
  });

  it('is stopped without being called dead', async () => {
    const deaths: string[] = [];
    const managed = await start(SERVES, { restart: true, onDeath: (name) => deaths.push(name) });
    await managed.stop();
    expect(await managed.exited).to.deep.equal({ code: null, signal: 'SIGTERM' });
    expect(deaths).to.deep.equal([]);
  });

  it('that does not take SIGTERM is killed after the limit', async () => {
    const managed = await start(`process.on('SIGTERM', () => {}); ${SERVES}`, {
      stopTimeoutMs: 300,
    });
    await managed.stop();
    expect(await managed.exited).to.deep.equal({ code: null, signal: 'SIGKILL' });
  });

  it('is stopped though it is paused', async () => {
    const managed = await start(SERVES);
    managed.kill('SIGSTOP');
    await managed.stop();
    expect(await managed.exited).to.deep.equal({ code: null, signal: 'SIGTERM' });
  });

  it('takes along what it has started itself', async () => {
    const managed = await start(
      `require('child_process').spawn('sleep', ['1000', '${'0'.repeat(7)}'], { argv0: process.argv[1] }); ${SERVES}`,
    );
    managed.kill('SIGKILL');
    await managed.exited;
    await waitUntil('its child is gone', () => processesNaming(folder).length === 0);
  });

  it('ends when the process that started it is killed with -9', async () => {
    const code = `
      import { startProcess } from './stack/process/supervisor.ts';
      const managed = await startProcess({ name: 'it', command: process.execPath,
        args: ['-e', ${JSON.stringify(SERVES)}, ${JSON.stringify(marker)}],
        logFile: ${JSON.stringify(join(folder, 'logs', 'it.log'))},
        ready: async () => {}, restart: true });
      console.log(managed.pid);`;
    const starter = spawn(process.execPath, ['--input-type=module-typescript', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(starter.stdout, 'data');
    const pid = Number(String(line));
    expect(isAlive(pid)).to.equal(true);
    starter.kill('SIGKILL');
    await waitUntil('it is gone', () => !isAlive(pid));
  });
});
