import { expect } from 'chai';
import { type Desk, whenAdmitted } from '../../../command-api/commands/handle-command.ts';
import type { GateState } from '../../../command-api/gate/gate.ts';
import { AppError } from '../../../platform/errors.ts';

const OPEN: GateState = {
  kind: 'open',
  epoch: 7,
  replicationId: 'a',
  partitions: { 'coupon-lifecycle': 3, 'coupon-assign': 3 },
};
const untouched = () => Promise.reject(new Error('this story needs it not'));

/** A desk of which admission needs the gate, the publisher's queue and the load only. */
function createDesk(options: { state?: GateState; waiting?: number; current?: number }): Desk {
  return {
    gate: {
      state: () => options.state ?? OPEN,
      lastOpen: () => null,
      recheck: () => undefined,
      suspect: () => undefined,
      sawClaim: () => undefined,
      close: async () => undefined,
    },
    publisher: {
      publish: untouched,
      relay: () => false,
      waiting: () => options.waiting ?? 0,
      drained: async () => undefined,
    },
    writeModel: { create: untouched, assign: untouched, confirm: untouched },
    newAssignmentId: () => 'an id',
    endOf: async () => [],
    load: { max: 3, current: options.current ?? 0 },
  };
}

describe('Admitting a command', () => {
  const done = async () => ({ kind: 'done' as const });
  /** A story that must not be told. */
  const forbidden = async (): Promise<{ kind: 'done' }> => {
    throw new Error('nothing may be reserved');
  };

  it('runs its story in the epoch of the gate', async () => {
    const answer = await whenAdmitted(createDesk({}), async (epoch) => ({ kind: 'done', epoch }));
    expect(answer).to.deep.equal({ kind: 'done', epoch: 7 });
  });

  it('is refused while the gate is closed', async () => {
    const desk = createDesk({ state: { kind: 'closed', reason: 'no gate in Redis' } });
    expect(await whenAdmitted(desk, forbidden)).to.deep.equal({ kind: 'closed' });
  });

  it('is refused when as many requests are under way as may be', async () => {
    expect(await whenAdmitted(createDesk({ current: 3 }), forbidden)).to.deep.equal({
      kind: 'overloaded',
    });
    expect(await whenAdmitted(createDesk({ current: 2 }), done)).to.deep.equal({ kind: 'done' });
  });

  it('is refused when as many events wait for the log as may be, whoever asked for them', async () => {
    expect(await whenAdmitted(createDesk({ waiting: 3 }), forbidden)).to.deep.equal({
      kind: 'overloaded',
    });
    expect(await whenAdmitted(createDesk({ waiting: 2 }), done)).to.deep.equal({ kind: 'done' });
  });

  it('counts as under way until its story ends, well or not', async () => {
    const desk = createDesk({});
    const stories = [
      Promise.withResolvers<{ kind: 'done' }>(),
      Promise.withResolvers<{ kind: 'done' }>(),
    ] as const;
    const first = whenAdmitted(desk, () => stories[0].promise);
    const second = whenAdmitted(desk, () => stories[1].promise).catch((error: unknown) => error);
    expect(desk.load.current).to.equal(2);
    stories[0].resolve({ kind: 'done' });
    await first;
    expect(desk.load.current).to.equal(1);
    stories[1].reject(new Error('a bug'));
    await second;
    expect(desk.load.current).to.equal(0);
  });

  it('is refused when Redis refuses its script before anything was changed', async () => {
    const answer = await whenAdmitted(createDesk({}), () =>
      Promise.reject(new AppError('REDIS_REFUSED', 'OOM', { retriable: true })),
    );
    expect(answer).to.deep.equal({ kind: 'closed' });
  });

  it('has an unknown outcome when the reply of Redis is lost', async () => {
    const answer = await whenAdmitted(createDesk({}), () =>
      Promise.reject(new AppError('REDIS_UNAVAILABLE', 'timed out', { retriable: true })),
    );
    expect(answer).to.deep.equal({ kind: 'outcome-unknown' });
  });

  it('does not hide any other failure', async () => {
    for (const error of [new AppError('EVENT_INVALID', 'no'), new TypeError('a bug')]) {
      const failed = await whenAdmitted(createDesk({}), () => Promise.reject(error)).catch(
        (cause: unknown) => cause,
      );
      expect(failed).to.equal(error);
    }
  });
});
