// The smallest stack, Redis alone: what holds for it holds for every part.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { type Stack, type StackOptions, startStack } from '../../../stack/stack.ts';
import { StackError } from '../../../stack/stack-error.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { processesNaming, scratchFolder } from './processes.ts';

async function redisCommand(url: string, ...command: [string, ...string[]]): Promise<unknown> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  // Without a listener ioredis writes every failure to the console; the call rejects all the same.
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    const [name, ...args] = command;
    return await redis.call(name, ...args);
  } finally {
    redis.disconnect();
  }
}

const TOOL = ['node', 'stack/bootstrap.mjs', 'cli/firstcome.ts', 'stack'];

/** Runs the command line tool to its end. */
function tool(...args: string[]): { code: number | null; output: string } {
  const [program = 'node', ...first] = TOOL;
  const { status, stdout, stderr } = spawnSync(program, [...first, ...args], { encoding: 'utf8' });
  return { code: status, output: `${stdout}${stderr}`.trim() };
}

describe('A stack', () => {
  let folder: string;
  let remove: () => void;
  const stacks: Stack[] = [];
  const children: ChildProcess[] = [];

  beforeEach(() => {
    ({ folder, remove } = scratchFolder());
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    for (const stack of stacks.splice(0)) await stack.stop();
    await waitUntil('nothing is left', () => processesNaming(folder).length === 0);
    remove();
  });

  const start = async (options: Partial<StackOptions> = {}): Promise<Stack> => {
    const stack = await startStack({ folder, parts: ['redis'], restart: true, ...options });
    stacks.push(stack);
    return stack;
  };
  /** The command line tool with a stack up; resolves when that serves. */
  const startTool = async (...command: string[]): Promise<ChildProcess> => {
    const [program = 'node', ...first] = command.length > 0 ? command : TOOL;
    const args = [...first, 'up', '--folder', folder, '--parts', 'redis'];
    const tool = spawn(program, args, { stdio: 'ignore' });
    children.push(tool);
    await waitUntil('the tool has started its stack', () => existsSync(join(folder, 'env')));
    return tool;
  };
  const refusal = (starting: Promise<unknown>): Promise<Error> =>
    starting.then(
      () => expect.fail('it started'),
      (error: Error) => error,
    );

  it('tells its addresses, to callers, to shells, and to no other user', async () => {
    const { addresses } = await start();
    expect(await redisCommand(addresses.redisUrl, 'PING')).to.equal('PONG');
    expect(readFileSync(join(folder, 'env'), 'utf8')).to.equal(`REDIS_URL=${addresses.redisUrl}\n`);
    expect(statSync(join(folder, 'env')).mode & 0o077).to.equal(0);
    expect(statSync(join(folder, 'stack.json')).mode & 0o077).to.equal(0);
  });

  it('refuses to tell the address of a part that was not asked for', async () => {
    const stack = await start();
    expect(() => stack.addresses.mysqlUrl).to.throw(StackError, /mysqlUrl: .*not asked for/);
    expect(() => stack.process('mysql')).to.throw(StackError, /no process mysql, only redis/);
  });

  it('refuses a schema registry without the Kafka that keeps its data', async () => {
    expect((await refusal(start({ parts: ['registry'] }))).message).to.contain(
      'start kafka as well',
    );
  });

  it('names a part that is killed, and brings it back with its data', async () => {
    const deaths: string[] = [];
    const stack = await start({ onDeath: (part) => deaths.push(part) });
    const { redisUrl } = stack.addresses;
    await redisCommand(redisUrl, 'SET', 'key', 'kept');
    stack.process('redis').kill('SIGKILL');
    await stack.process('redis').exited;
    expect(deaths).to.deep.equal(['redis']);
    const value = await waitUntil('Redis is back', () =>
      redisCommand(redisUrl, 'GET', 'key').catch(() => undefined),
    );
    expect(value).to.equal('kept');
  });

  it('comes again at the same address with the same data', async () => {
    const first = await start();
    await redisCommand(first.addresses.redisUrl, 'SET', 'key', 'kept');
    await first.stop();
    expect(existsSync(join(folder, 'env'))).to.equal(false);
    const second = await start();
    expect(second.addresses.redisUrl).to.equal(first.addresses.redisUrl);
    expect(await redisCommand(second.addresses.redisUrl, 'GET', 'key')).to.equal('kept');
  });

  it('runs beside another one', async () => {
    const other = scratchFolder();
    try {
      const [one, two] = await Promise.all([start(), start({ folder: other.folder })]);
      expect(one.addresses.redisUrl).to.not.equal(two.addresses.redisUrl);
      await redisCommand(one.addresses.redisUrl, 'SET', 'key', 'one');
      expect(await redisCommand(two.addresses.redisUrl, 'GET', 'key')).to.equal(null);
      await two.stop();
    } finally {
      other.remove();
    }
  });

  it('refuses a folder in which one runs', async () => {
    await start();
    expect((await refusal(start())).message).to.equal(`a stack runs in ${folder} already`);
  });

  it('ends without a process left when its tool is asked to stop', async () => {
    const tool = await startTool();
    tool.kill('SIGTERM');
    expect(await once(tool, 'exit')).to.deep.equal([0, null]);
    expect(processesNaming(join(folder, 'data'))).to.deep.equal([]);
  });

  it('ends without a process left when npm is killed with -9', async () => {
    const npm = await startTool('npm', 'run', 'stack', '--');
    npm.kill('SIGKILL');
    await waitUntil('nothing is left', () => processesNaming(folder).length === 0);
  });

  it('tells how it is, with no password, and is removed only when it is down', async () => {
    const stack = await start();
    expect(tool('status', '--folder', folder)).to.deep.equal({
      code: 0,
      output: `${folder}: running\n  REDIS_URL=${stack.addresses.redisUrl}`,
    });
    expect(tool('reset', '--folder', folder)).to.deep.equal({
      code: 1,
      output: `stack failed: a stack runs in ${folder}: stop it first`,
    });
    await stack.stop();
    expect(tool('status', '--folder', folder).output).to.equal(`${folder}: not running`);
    expect(tool('reset', '--folder', folder).code).to.equal(0);
    expect(existsSync(folder)).to.equal(false);
  });

  it('is the only thing that reset removes', () => {
    writeFileSync(join(folder, 'a-file'), '');
    expect(tool('reset', '--folder', folder).code).to.equal(1);
    expect(existsSync(join(folder, 'a-file'))).to.equal(true);
  });

  it('ends without a process left when the starter of its tool is killed with -9', async () => {
    const tool = await startTool();
    tool.kill('SIGKILL');
    await waitUntil('nothing is left', () => processesNaming(folder).length === 0);
    expect(existsSync(join(folder, 'env'))).to.equal(false);
  });

  it('ends without a process left when its tool is killed with -9, and comes again at once', async () => {
    const tool = await startTool();
    const url = readFileSync(join(folder, 'env'), 'utf8').trim().replace('REDIS_URL=', '');
    await redisCommand(url, 'SET', 'key', 'kept');
    const tools = processesNaming(folder).filter((pid) => pid !== tool.pid && isTool(pid));
    expect(tools).to.have.lengthOf(1);
    for (const pid of tools) process.kill(pid, 'SIGKILL');
    const again = await start();
    expect(again.addresses.redisUrl).to.equal(url);
    expect(await redisCommand(url, 'GET', 'key')).to.equal('kept');
    await again.stop();
    await waitUntil('nothing is left', () => processesNaming(folder).length === 0);
  });
});

function isTool(pid: number): boolean {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('cli/firstcome.ts');
}
