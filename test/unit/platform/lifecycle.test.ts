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
    expect(await lifecycle.close()).to.deep.equal({ failed: [], answersLost: false });
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
    const { failed } = await lifecycle.close();
    expect(failed).to.deep.equal(['throws', 'rejects']);
    expect(closed).to.equal(1);
  });

  it('leaves a part that does not close after its limit, and names it', async () => {
    const lifecycle = createLifecycle(silentLogger());
    let closed = 0;
    lifecycle.opened('first', async () => {
      closed += 1;
    });
    lifecycle.opened('hangs', () => new Promise(() => undefined), { limitMs: 20 });
    expect((await lifecycle.close()).failed).to.deep.equal(['hangs']);
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

  it('knows whether somebody was left without an answer', async () => {
    for (const holdsAnswers of [true, false]) {
      const lifecycle = createLifecycle(silentLogger());
      lifecycle.opened('stuck', () => Promise.reject(new Error('no')), { holdsAnswers });
      expect(await lifecycle.close()).to.deep.equal({
        failed: ['stuck'],
        answersLost: holdsAnswers,
      });
    }
  });

  it('is over in bounded time: what comes behind is closed at once then, all together', async () => {
    const lifecycle = createLifecycle(silentLogger());
    let closed = 0;
    const closing = Promise.withResolvers<void>();
    for (const part of ['a', 'b']) {
      lifecycle.opened(part, async () => {
        closed += 1;
        if (closed === 2) closing.resolve();
        await closing.promise;
      });
    }
    lifecycle.opened('hangs', () => new Promise(() => undefined));
    expect((await lifecycle.close(20)).failed).to.deep.equal(['hangs']);
    expect(closed).to.equal(2);
  });

  it('is stopping from the announcement on', () => {
    const lifecycle = createLifecycle(silentLogger());
    expect(lifecycle.isStopping()).to.equal(false);
    lifecycle.announceStop();
    expect(lifecycle.isStopping()).to.equal(true);
  });
});
