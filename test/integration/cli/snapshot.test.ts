import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { couponAssigned, couponCreated } from '../../support/fixtures/sample-events.ts';
import { addressOf } from '../../support/system/addresses.ts';
import { runCli } from '../../support/system/run-cli.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { createRebuildSystem, type RebuildSystem } from '../redis-rebuild/rebuild-system.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const OFTEN = ['--every', '0.005', '--min-records', '1'];

describe('firstcome snapshot', () => {
  let system: RebuildSystem;
  const running: ChildProcess[] = [];
  before(async function () {
    this.timeout(180_000);
    system = await createRebuildSystem();
    const { epoch } = await system.rebuild();
    await system.append([couponCreated({ epoch }), couponAssigned(1, { epoch })]);
  });
  after(async function () {
    this.timeout(180_000);
    for (const child of running) child.kill('SIGKILL');
    await system?.close();
  });

  const env = (): Record<string, string> => ({
    KAFKA_BROKERS: addressOf('KAFKA_BROKERS'),
    SCHEMA_REGISTRY_URL: addressOf('SCHEMA_REGISTRY_URL'),
    TOPIC_PREFIX: system.events.topicPrefix,
  });
  const run = (args: readonly string[] = [], changes: Record<string, string> = {}) =>
    runCli('snapshot', args, { ...env(), ...changes });
  const withoutIds = (text: string): string =>
    text.replace(/snapshot [0-9a-f-]{36}/g, 'snapshot ID').replace(/\d+\.\d s$/gm, 'N s');

  it('takes one of the whole log, then one of the first and the tail, and says so', async () => {
    const first = await run();
    expect(first.stderr).to.equal('');
    expect(withoutIds(first.stdout)).to.equal(
      'no snapshot: every record is read\n' +
        'read 8 records\n' +
        'snapshot ID: 1 coupons, 1 assignments in 1 chunks, for 8 records, of which 8 were read, in N s\n',
    );
    const second = await run();
    expect(withoutIds(second.stdout)).to.equal(
      'snapshot ID: 8 records need not be read again\n' +
        'read 0 records\n' +
        'snapshot ID: 1 coupons, 1 assignments in 1 chunks, for 8 records, of which 0 were read, in N s\n',
    );
    expect([first.code, second.code]).to.deep.equal([0, 0]);
  });

  it('takes none when the log has got too little', async () => {
    const { code, stdout } = await run(['--min-records', '5']);
    expect(stdout).to.match(/^nothing to do: 0 new records, in \d+\.\d s\n$/);
    expect(code).to.equal(0);
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`goes on with --every, takes one whenever the log grew, and ends with 0 on ${signal}`, async () => {
      const child = spawn(process.execPath, ['cli/firstcome.ts', 'snapshot', ...OFTEN], {
        cwd: ROOT,
        env: { ...process.env, ...env() },
      });
      running.push(child);
      const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
      let complaints = '';
      child.stderr.on('data', (chunk: Buffer) => {
        complaints += chunk.toString();
      });
      const count = (pattern: RegExp): number => output.match(pattern)?.length ?? 0;
      await waitUntil('it has looked', async () => count(/nothing to do/g) > 0);
      const { epoch } = await system.rebuild();
      await system.append([couponAssigned(epoch + 1, { epoch })]);
      await waitUntil('it has taken one', async () => count(/coupons, \d+ assignments in/g) > 0);
      child.kill(signal);
      expect(await ended, complaints).to.equal(0);
      expect(output.trimEnd().split('\n').at(-1)).to.equal('stopped');
    });
  }

  it('ends with 1 and one line when a part is away, and with 2 when it is asked wrongly', async () => {
    const away = await run([], { KAFKA_BROKERS: '127.0.0.1:9' });
    expect(away.code).to.equal(1);
    expect(away.stderr).to.match(/^snapshot failed: .*\n$/);
    for (const args of [['--every', 'often'], ['--every', '0'], ['--min-records', '-1'], ['now']]) {
      const { code, stderr } = await run(args);
      expect(code, args.join(' ')).to.equal(2);
      expect(stderr).to.contain('Usage: firstcome snapshot ');
    }
  });
});
