import { expect } from 'chai';
import {
  type Assumption,
  type AssumptionFinding,
  type AssumptionWatch,
  createAssumptionWatch,
} from '../../../platform/assumptions.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { waitUntil } from '../../support/wait-until.ts';

const HOLDS: AssumptionFinding = { kind: 'holds' };
const FULL: AssumptionFinding = { kind: 'broken', reason: 'the disk is full' };

describe('The watch over assumptions', () => {
  let watch: AssumptionWatch;
  afterEach(() => watch.close());

  const watchOver = (everyMs: number, ...assumptions: Assumption[]): AssumptionWatch => {
    watch = createAssumptionWatch({ assumptions, everyMs, logger: silentLogger() });
    return watch;
  };
  const disk = (
    look: () => AssumptionFinding,
    severity: Assumption['severity'] = 'closes',
  ): Assumption => ({ name: 'disk', severity, look: async () => look() });

  it('counts what was never looked at as broken', async () => {
    const looked = Promise.withResolvers<AssumptionFinding>();
    watchOver(60_000, { name: 'disk', severity: 'closes', look: () => looked.promise });
    expect(watch.broken()).to.equal('disk: not looked at yet');
    looked.resolve(HOLDS);
    await waitUntil('it was looked at', () => watch.broken() === null);
  });

  it('says what is broken, and stops saying so when it holds again', async () => {
    let finding: AssumptionFinding = FULL;
    watchOver(
      60_000,
      disk(() => finding),
    );
    await watch.lookNow();
    expect(watch.broken()).to.equal('disk: the disk is full');
    finding = HOLDS;
    await waitUntil('it is looked at again, long before its time', () => watch.broken() === null);
  });

  it('looks again while everything holds', async () => {
    let finding: AssumptionFinding = HOLDS;
    watchOver(
      5,
      disk(() => finding),
    );
    await waitUntil('it holds', () => watch.broken() === null);
    finding = FULL;
    await waitUntil('it is broken', () => watch.broken() !== null);
  });

  it('keeps what it found when it can no longer look', async () => {
    let look: () => AssumptionFinding = () => HOLDS;
    watchOver(
      60_000,
      disk(() => look()),
    );
    await watch.lookNow();
    look = () => {
      throw new Error('no answer');
    };
    await watch.lookNow();
    expect(watch.broken()).to.equal(null);
  });

  it('says why it could not look when it never could', async () => {
    watchOver(
      60_000,
      disk(() => {
        throw new Error('no answer');
      }),
    );
    await watch.lookNow();
    expect(watch.broken()).to.equal('disk: not looked at: no answer');
  });

  it('warns of what does not close the service', async () => {
    watchOver(
      60_000,
      disk(() => FULL, 'warns'),
    );
    await watch.lookNow();
    expect(watch.broken()).to.equal(null);
    expect(watch.warnings()).to.deep.equal(['disk: the disk is full']);
  });
});
