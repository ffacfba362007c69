import { expect } from 'chai';
import { createLifecycle } from '../../../platform/lifecycle.ts';
import { silentLogger } from '../../support/silent-logger.ts';

describe('Closing what was opened', () => {
  it('goes from the newest to the oldest, one after the other', async () => {
    const lifecycle = createLifecycle(silentLogger());
    const order: string[] = [];
    for (const part of ['Redis', 'publisher', 'HTTP']) {
      lifecycle.opened(part, async () => {
        order.push(`${part} begins`);
        await new Promise(setImmediate);
        order.push(`${part} ends`);
      });
    }
    expect(await lifecycle.close()).to.deep.equal([]);
    expect(order).to.deep.equal([
      'HTTP begins',
      'HTTP ends',
      'publisher begins',
      'publisher ends',
      'Redis begins',
      'Redis ends',
    ]);
  });

  it('goes on after a failure, thrown or rejected, and names what failed', async () => {
    const lifecycle = createLifecycle(silentLogger());
    let closed = 0;
    lifecycle.opened('first', async () => {
      closed += 1;
    });
    lifecycle.opened('rejects', () => Promise.reject(new Error('no')));
    lifecycle.opened('throws', () => {
      throw new Error('no');
    });
    expect(await lifecycle.close()).to.deep.equal(['throws', 'rejects']);
    expect(closed).to.equal(1);
  });

  it('leaves a part that does not close after its limit, and names it', async () => {
    const lifecycle = createLifecycle(silentLogger());
    let closed = 0;
    lifecycle.opened('first', async () => {
      closed += 1;
    });
    lifecycle.opened('hangs', () => new Promise(() => undefined), 20);
    expect(await lifecycle.close()).to.deep.equal(['hangs']);
    expect(closed).to.equal(1);
  });

  it('closes nothing twice', async () => {
    const lifecycle = createLifecycle(silentLogger());
    let closed = 0;
    lifecycle.opened('once', async () => {
      closed += 1;
    });
    await lifecycle.close();
    await lifecycle.close();
    expect(closed).to.equal(1);
  });
});
