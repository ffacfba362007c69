import { createServer, type Server } from 'node:net';
import { expect } from 'chai';
import fc from 'fast-check';
import { tryMachineLock } from '../../../stack/process/machine-lock.ts';
import { isPortFree, lockPort, portCandidates } from '../../../stack/process/ports.ts';

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });

describe('Choosing a port', () => {
  const first = (count: number, ...args: Parameters<typeof portCandidates>): number[] =>
    [...portCandidates(...args)].slice(0, count);

  it('tries the port of the last start, then the well-known one', () => {
    expect(first(2, 6379, 20_500, 0)).to.deep.equal([20_500, 6379]);
  });

  it('tries a port once when both are the same', () => {
    expect(first(2, 6379, 6379, 0)).to.deep.equal([6379, 20_000]);
  });

  it('then tries every port below the ephemeral ones once, wherever it begins', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (random) => {
        const ports = [...portCandidates(undefined, undefined, random)];
        expect(new Set(ports).size).to.equal(12_000);
        expect(Math.min(...ports)).to.equal(20_000);
        expect(Math.max(...ports)).to.equal(31_999);
      }),
      { numRuns: 20 },
    );
  });

  it('sees a port that somebody listens on', async () => {
    const server = createServer();
    const port = await listen(server);
    expect(await isPortFree(port)).to.equal(false);
    await new Promise((resolve) => server.close(resolve));
    expect(await isPortFree(port)).to.equal(true);
  });

  it('takes another port when somebody listens on the wanted one', async () => {
    const server = createServer();
    const port = await listen(server);
    const taken = await lockPort(port, port);
    expect(taken.port).not.to.equal(port);
    taken.lock.release();
    await new Promise((resolve) => server.close(resolve));
  });

  it('takes another port when a stack holds the wanted one whose part is down', async () => {
    const other = await lockPort();
    const taken = await lockPort(other.port);
    expect(taken.port).not.to.equal(other.port);
    taken.lock.release();
    other.lock.release();
  });
});

describe('A machine lock', () => {
  it('is held by one at a time and can be taken again after its release', async () => {
    const name = `test:${process.pid}`;
    const lock = await tryMachineLock(name);
    expect(lock).not.to.equal(undefined);
    expect(await tryMachineLock(name)).to.equal(undefined);
    lock?.release();
    const again = await tryMachineLock(name);
    expect(again).not.to.equal(undefined);
    again?.release();
  });
});
