import { expect } from 'chai';
import type { GateState } from '../../../command-api/gate/gate-status.ts';
import { checkReadiness } from '../../../command-api/readiness.ts';

const OPEN: GateState = {
  kind: 'open',
  epoch: 7,
  replicationId: 'a',
  evictedKeys: 0,
  partitions: { 'coupon-lifecycle': 3, 'coupon-assign': 3 },
};

/** Everything is there, but for what is said. */
function partsWith(missing: { gate?: GateState; failingSince?: number; ping?: Error }) {
  return {
    gate: { state: () => missing.gate ?? OPEN },
    writer: { failingSince: () => missing.failingSince ?? null },
    redis: {
      ping: async (): Promise<'PONG'> => {
        if (missing.ping !== undefined) throw missing.ping;
        return 'PONG';
      },
    },
  };
}

describe('The readiness of a command API', () => {
  it('is given when a coupon could be assigned, however much is under way', async () => {
    expect(await checkReadiness(partsWith({}))).to.deep.equal({ ready: true });
  });

  for (const [missing, reason] of [
    [{ gate: { kind: 'closed', reason: 'no gate in Redis' } }, 'gate closed: no gate in Redis'],
    [{ failingSince: 1 }, 'the log does not acknowledge'],
    [{ ping: new Error('127.0.0.1 timed out') }, 'Redis does not answer'],
  ] as const) {
    it(`is not given, with the reason: ${reason}`, async () => {
      expect(await checkReadiness(partsWith(missing))).to.deep.equal({ ready: false, reason });
    });
  }
});
