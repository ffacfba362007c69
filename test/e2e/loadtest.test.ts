import { expect } from 'chai';
import { type CliRun, runCli } from '../support/system/run-cli.ts';
import { type System, startSystem } from '../support/system/system.ts';

describe('firstcome loadtest', () => {
  let system: System;

  before(async function () {
    this.timeout(300_000);
    system = await startSystem();
  });

  after(() => system.close());

  const run = (...args: string[]): Promise<CliRun> =>
    runCli('loadtest', ['--connections', '20', ...args], {
      ...system.variables,
      COMMAND_API_URL: system.commandApi,
      QUERY_API_URL: system.queryApi,
    });

  it('assigns every unit, refuses the rest, and finds that every invariant holds', async () => {
    const { code, stdout, stderr } = await run('--users', '300', '--quantity', '200', '--json');
    expect(stderr.split('\n').filter((line) => !line.includes(' answered: '))).to.deep.equal(['']);
    const { ok, result, arrival, verification } = JSON.parse(stdout);
    expect(result).to.include({ accepted: 200, notAsked: 0 });
    expect(result.refused).to.deep.equal({ 'Coupon-0006 Sold out': 100 });
    expect(result.unanswered).to.deep.equal({});
    expect(arrival.kind).to.equal('arrived');
    expect(
      verification.findings.map((finding: { invariant: number }) => finding.invariant),
    ).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(verification.findings[2].numbers).to.deep.equal({
      answered: 200,
      events: 200,
      rows: 200,
      lost: 0,
      orphans: 0,
      duplicates: 0,
      'never answered': 0,
    });
    expect(ok).to.equal(true);
    expect(code).to.equal(0);
  });

  it('prints a report for people, with the ratio to a server that does nothing', async () => {
    const { code, stdout } = await run('--users', '100', '--quantity', '50', '--baseline');
    expect(stdout).to.match(/^bare express: rush on coupon /m);
    expect(stdout).to.match(/^ {2}accepted {7}50$/m);
    expect(stdout).to.match(/^ {2}refused {8}50 \(Coupon-0006 Sold out: 50\)$/m);
    expect(stdout).to.match(
      /^ {2}read model {5}equals the answers \d+\.\d\d s after the last one$/m,
    );
    expect(stdout).to.match(/^ {2}latency, ms +mean +p50 +p95 +p99 +max$/m);
    expect(stdout).to.match(/^all 10 invariants hold /m);
    expect(stdout).to.match(/^ {2}accepted\/s {5}\d+\.\d\d {2}\(\d+ against \d+\)$/m);
    expect(code).to.equal(0);
  }).timeout(300_000);

  it('refuses a number that makes no sense, with exit code 2', async () => {
    const refused: [string, string][] = [
      ['--users=0', 'It must be a whole number from 1 to 10000000.'],
      ['--quantity=many', 'It must be a whole number from 0 to 1000000.'],
      ['--rate=-1', 'It must be a whole number from 0 to 1000000.'],
    ];
    for (const [option, reason] of refused) {
      const { code, stderr } = await run(option);
      expect(code, option).to.equal(2);
      expect(stderr).to.include(reason);
    }
  });
});
