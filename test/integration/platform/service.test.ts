import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { waitUntil } from '../../support/wait-until.ts';

const TINY = fileURLToPath(new URL('tiny-service.ts', import.meta.url));

type Entry = { level: string; msg: string; part?: string; reason?: string };

/** Runs the tiny service; `settings` replace the good ones. */
function run(settings: Record<string, string> = {}) {
  const child = spawn(process.execPath, [TINY], {
    env: { HTTP_HOST: '127.0.0.1', SECRET: 'hush-hush', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const entries = (): Entry[] =>
    output
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Entry);
  const closed = () => entries().flatMap(({ msg, part }) => (msg === 'closed' ? [part] : []));
  const started = () =>
    waitUntil('the service has started', () => entries().some(({ msg }) => msg === 'started'));
  return { child, ended, entries, closed, started, output: () => output };
}

describe('A service', () => {
  it('tells all faulty settings in one line, without their values, and ends with code 1', async () => {
    const service = run({ HTTP_HOST: '', TROUBLE: 'hush-hush', LOG_LEVEL: 'loud' });
    expect(await service.ended).to.deep.equal({ code: 1, signal: null });
    const [entry, ...more] = service.entries();
    expect(more).to.deep.equal([]);
    expect(entry?.level).to.equal('fatal');
    expect(entry?.msg).to.match(/^3 faulty setting/);
    for (const name of ['HTTP_HOST', 'TROUBLE', 'LOG_LEVEL']) expect(entry?.msg).to.include(name);
    expect(service.output()).to.not.include('hush-hush');
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`closes what it opened, newest first, on ${signal}, and ends with code 0`, async () => {
      const service = run();
      await service.started();
      service.child.kill(signal);
      expect(await service.ended).to.deep.equal({ code: 0, signal: null });
      expect(service.closed()).to.deep.equal([
        'third part',
        'second part',
        'first part',
        'telemetry',
      ]);
    });
  }

  it('closes what it had opened when a part cannot be, and ends with code 1', async () => {
    const service = run({ TROUBLE: 'open fails' });
    expect(await service.ended).to.deep.equal({ code: 1, signal: null });
    expect(service.closed()).to.deep.equal(['first part', 'telemetry']);
    const fatal = service.entries().find(({ level }) => level === 'fatal');
    expect(fatal?.reason).to.equal('the second part is not there');
  });

  it('ends at once with code 1 and a log line when nobody caught a fault', async () => {
    const service = run({ TROUBLE: 'has a bug' });
    expect(await service.ended).to.deep.equal({ code: 1, signal: null });
    const fatal = service.entries().find(({ level }) => level === 'fatal');
    expect(fatal).to.include({ msg: 'crashed', reason: 'nobody caught this' });
    expect(service.closed()).to.deep.equal([]);
  });

  for (const trouble of ['close fails', 'close hangs']) {
    it(`closes the rest when one part does not (${trouble}), names it, and ends with code 1`, async () => {
      const service = run({ TROUBLE: trouble });
      await service.started();
      service.child.kill('SIGTERM');
      expect(await service.ended).to.deep.equal({ code: 1, signal: null });
      expect(service.closed()).to.deep.equal(['third part', 'first part', 'telemetry']);
      const error = service.entries().find(({ level }) => level === 'error');
      expect(error?.part).to.equal('second part');
    });
  }

  it('ends with code 0 when nobody waits for what does not close, and names it', async () => {
    const service = run({ TROUBLE: 'close hangs', HOLDS_ANSWERS: 'no' });
    await service.started();
    service.child.kill('SIGTERM');
    expect(await service.ended).to.deep.equal({ code: 0, signal: null });
    const warning = service.entries().find(({ level }) => level === 'warn');
    expect(warning?.part).to.equal('second part');
  });

  it('goes on for the time it is told to, and ends at a second signal', async () => {
    const service = run({ DELAY: '600000' });
    await service.started();
    service.child.kill('SIGTERM');
    await waitUntil('it is not ready any more', () =>
      service.entries().some(({ msg }) => msg.startsWith('not ready any more')),
    );
    expect(service.closed()).to.deep.equal([]);
    service.child.kill('SIGTERM');
    expect(await service.ended).to.deep.equal({ code: 0, signal: null });
    expect(service.closed()).to.include('third part');
  });

  it('stops while a part that is being opened does not answer', async () => {
    const service = run({ TROUBLE: 'open hangs' });
    await waitUntil('it is opening', () => service.entries().some(({ msg }) => msg === 'opening'));
    service.child.kill('SIGTERM');
    expect(await service.ended).to.deep.equal({ code: 0, signal: null });
    expect(service.closed()).to.include('first part');
  });

  it('ends with code 0 when its spans wait for a collector that never answers', async () => {
    const collector = createServer(() => undefined);
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
    const { port } = collector.address() as AddressInfo;
    const service = run({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` });
    await service.started();
    service.child.kill('SIGTERM');
    expect(await service.ended).to.deep.equal({ code: 0, signal: null });
    const warning = service.entries().find(({ level }) => level === 'warn');
    expect(warning?.part).to.equal('telemetry');
    collector.closeAllConnections();
    await new Promise((resolve) => collector.close(resolve));
  });

  it('ends although something that was forgotten would keep it alive', async () => {
    const service = run({ TROUBLE: 'leaks' });
    await service.started();
    const signalledAtMs = performance.now();
    service.child.kill('SIGTERM');
    expect(await service.ended).to.deep.equal({ code: 0, signal: null });
    expect(performance.now() - signalledAtMs).to.be.below(30_000);
    expect(service.entries().at(-1)).to.include({ level: 'warn' });
  });

  it('ends at once at a second signal', async () => {
    const service = run({ TROUBLE: 'close hangs' });
    await service.started();
    service.child.kill('SIGTERM');
    await waitUntil('it is stopping', () =>
      service.entries().some(({ msg }) => msg === 'stopping'),
    );
    service.child.kill('SIGTERM');
    expect(await service.ended).to.deep.equal({ code: null, signal: 'SIGTERM' });
  });

  it('can end itself when it cannot go on, with code 1', async () => {
    const service = run({ TROUBLE: 'stops itself' });
    expect(await service.ended).to.deep.equal({ code: 1, signal: null });
    expect(service.closed()).to.include('first part');
    const error = service.entries().find(({ level }) => level === 'error');
    expect(error?.reason).to.equal('its work is impossible');
  });
});
