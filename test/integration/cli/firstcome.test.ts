// firstcome as a process: usage, help, version and exit codes. None of these reaches a server.
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { SUBCOMMANDS } from '../../../cli/subcommands.ts';
import { type CliRun, runCli } from '../../support/system/run-cli.ts';

const NOWHERE = {
  KAFKA_BROKERS: '127.0.0.1:9',
  SCHEMA_REGISTRY_URL: 'http://127.0.0.1:9',
  REDIS_URL: 'redis://127.0.0.1:9',
  MYSQL_URL: 'mysql://127.0.0.1:9/nothing',
};

function run(line: string, env: Record<string, string> = NOWHERE): Promise<CliRun> {
  const [subcommand = '', ...args] = line.split(' ');
  return runCli(subcommand, args, env);
}

describe('firstcome', function () {
  this.timeout(60_000);

  it('lists every subcommand in its help, and ends with 0', async () => {
    const { code, stdout, stderr } = await run('--help');
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    for (const { name } of SUBCOMMANDS) expect(stdout).to.match(new RegExp(`^ {2}${name} `, 'm'));
  });

  it('says its version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(await run('--version')).to.deep.equal({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  const wrong = [
    '',
    'burn',
    'verify --burn',
    'schemas',
    'schemas show',
    'schemas decode coupon-assign 0 -1',
    'snapshot now',
    'snapshot --every 0',
    'snapshot --every 10 --json',
    'verify --coupon mine',
    'verify --wait soon',
    'migrate --assign-partitions=1001',
    'migrate --assign-partitions=3.5',
    'dead-letters redrive',
    'dead-letters redrive 1 --all',
    'dead-letters show x',
    'dead-letters discard 1',
    'stack up --parts oracle',
  ];
  for (const line of wrong) {
    it(`ends with 2 and its usage on stderr: firstcome ${line}`, async () => {
      const { code, stdout, stderr } = await run(line);
      expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
      expect(stderr).to.contain('Usage: firstcome');
    });
  }

  it('prints nothing on stdout when a command with --json fails', async () => {
    const { code, stdout, stderr } = await run('schemas list --json');
    expect({ code, stdout }).to.deep.equal({ code: 1, stdout: '' });
    expect(stderr).to.match(/^schemas failed: the registry did not answer: .*\n$/);
  });
});
