import { expect } from 'chai';
import { ASSIGN_TOPIC } from '../../../contracts/topics.ts';
import { withAdmin } from '../../../platform/kafka/admin.ts';
import { logStartAssumption } from '../../../redis-rebuild/log-start.ts';
import { createRebuildSystem, type RebuildSystem } from './rebuild-system.ts';
import { takeOne } from './snapshot-system.ts';

describe('The start of the log', function () {
  this.timeout(120_000);
  let system: RebuildSystem;
  beforeEach(async () => {
    system = await createRebuildSystem();
    // Two markers in each partition.
    await system.rebuild();
    await system.rebuild();
  });
  afterEach(() => system?.close());

  const cutHead = () =>
    withAdmin(system.events.kafka, (admin) =>
      admin.deleteRecordsBefore(system.events.topicPrefix + ASSIGN_TOPIC, new Map([[1, 1n]])),
    );

  it('is looked at: lost records are named', async () => {
    const { look } = logStartAssumption(system.events);
    expect(await look()).to.deep.equal({ kind: 'holds' });
    await cutHead();
    expect(await look()).to.deep.equal({
      kind: 'broken',
      reason: 'coupon-assign/1 begins at 1, and no snapshot covers what was before',
    });
  });

  it('is taken where a snapshot covers what was deleted', async () => {
    await takeOne(system);
    await cutHead();
    expect(await logStartAssumption(system.events).look()).to.deep.equal({ kind: 'holds' });
  });
});
