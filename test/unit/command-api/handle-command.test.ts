import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { admit, type CommandContext } from '../../../command-api/commands/handle-command.ts';
import type { GateState } from '../../../command-api/gate/gate-status.ts';
import { AppError } from '../../../platform/errors.ts';

const OPEN: GateState = {
  kind: 'open',
  epoch: 7,
  replicationId: 'a',
  evictedKeys: 0,
  partitions: { 'coupon-lifecycle': 3, 'coupon-assign': 3 },
};
type Admission = Pick<CommandContext, 'gate' | 'publisher' | 'load'>;

/** A context of which admission needs the gate, the publisher's queue and the load only. */
function createContext(options: {
  state?: GateState;
  waiting?: number;
  current?: number;
}): Admission {
  return {
    gate: { state: () => options.state ?? OPEN },
    publisher: {
      publish: () => Promise.reject(new Error('admission publishes nothing')),
      waiting: () => options.waiting ?? 0,
    },
    load: { max: 3, current: options.current ?? 0 },
  };
}

describe('Admitting a command', () => {
  const done = async () => ({ kind: 'done' as const });
  /** A handler that must not run. */
  const forbidden = async (): Promise<{ kind: 'done' }> => {
    throw new Error('nothing may be reserved');
  };

  it('runs its handler in the epoch of the gate', async () => {
    const answer = await admit(createContext({}), async (epoch) => ({ kind: 'done', epoch }));
    expect(answer).to.deep.equal({ kind: 'done', epoch: 7 });
  });

  it('is refused while the gate is closed', async () => {
    const context = createContext({ state: { kind: 'closed', reason: 'no gate in Redis' } });
    expect(await admit(context, forbidden)).to.deep.equal({ kind: 'closed' });
  });

  it('is refused when as many requests are under way as may be', async () => {
    expect(await admit(createContext({ current: 3 }), forbidden)).to.deep.equal({
      kind: 'overloaded',
    });
    expect(await admit(createContext({ current: 2 }), done)).to.deep.equal({ kind: 'done' });
  });

  it('is refused when as many events wait for the log as may be, whoever asked for them', async () => {
    expect(await admit(createContext({ waiting: 3 }), forbidden)).to.deep.equal({
      kind: 'overloaded',
    });
    expect(await admit(createContext({ waiting: 2 }), done)).to.deep.equal({ kind: 'done' });
  });

  it('counts as under way until its handler ends, well or not', async () => {
    const context = createContext({});
    const handlers = [
      Promise.withResolvers<{ kind: 'done' }>(),
      Promise.withResolvers<{ kind: 'done' }>(),
    ] as const;
    const first = admit(context, () => handlers[0].promise);
    const second = admit(context, () => handlers[1].promise).catch((error: unknown) => error);
    expect(context.load.current).to.equal(2);
    handlers[0].resolve({ kind: 'done' });
    await first;
    expect(context.load.current).to.equal(1);
    handlers[1].reject(new Error('a bug'));
    await second;
    expect(context.load.current).to.equal(0);
  });

  it('is refused when Redis refuses its script before anything was changed', async () => {
    const answer = await admit(createContext({}), () =>
      Promise.reject(new AppError('REDIS_REFUSED', 'OOM', { retriable: true })),
    );
    expect(answer).to.deep.equal({ kind: 'closed' });
  });

  it('has an unknown outcome when the reply of Redis is lost', async () => {
    const answer = await admit(createContext({}), () =>
      Promise.reject(new AppError('REDIS_UNAVAILABLE', 'timed out', { retriable: true })),
    );
    expect(answer).to.deep.equal({ kind: 'outcome-unknown' });
  });

  it('does not hide any other failure', async () => {
    for (const error of [new AppError('EVENT_INVALID', 'no'), new TypeError('a bug')]) {
      const failed = await admit(createContext({}), () => Promise.reject(error)).catch(
        (cause: unknown) => cause,
      );
      expect(failed).to.equal(error);
    }
  });
});

describe('The span of a command', () => {
  const script = fileURLToPath(new URL('./traced-handler.ts', import.meta.url));

  it("is below the caller's, says what was answered, and is above what the command emits", () => {
    const { spans, published } = JSON.parse(
      execFileSync(process.execPath, [script], { encoding: 'utf8' }),
    );
    expect(spans).to.deep.equal([
      {
        name: 'command assign',
        parent: 'b'.repeat(16),
        attributes: { 'firstcome.coupon.id': 'one', 'firstcome.answer': 'done' },
      },
      {
        name: 'command assign',
        parent: 'b'.repeat(16),
        attributes: { 'firstcome.coupon.id': 'two', 'firstcome.answer': 'outcome-unknown' },
        failure: 'answer outcome-unknown',
      },
    ]);
    expect(published).to.deep.equal(
      ['1', '2'].map((n) => `00-${'a'.repeat(32)}-${n.padStart(16, 'c')}-01`),
    );
  });
});
