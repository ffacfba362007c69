import { expect } from 'chai';
import { ASSIGN_TOPIC, EPOCHS_TOPIC } from '../../../contracts/topics.ts';
import type { AppError } from '../../../platform/errors.ts';
import { countPartitions } from '../../../redis-rebuild/partitions.ts';
import { errorOf } from '../../support/error-of.ts';
import { couponAssigned, couponCreated } from '../../support/fixtures/sample-events.ts';
import { discardUnreadable } from '../../support/system/discard.ts';
import { claimEpoch } from '../../support/system/epoch.ts';
import { addPartitions } from '../../support/system/partitions.ts';
import { appendRecords } from '../../support/system/records.ts';
import { createRebuildSystem, type RebuildSystem } from './rebuild-system.ts';

describe('The partitions of an epoch', function () {
  this.timeout(180_000);
  let system: RebuildSystem;
  beforeEach(async () => {
    system = await createRebuildSystem();
  });
  afterEach(() => system?.close());

  const more = (count: number) =>
    addPartitions(system.events.kafka, system.events.topicPrefix + ASSIGN_TOPIC, count);
  const appendClaim = async (value: Buffer): Promise<void> => {
    const topic = system.events.topicPrefix + EPOCHS_TOPIC;
    await appendRecords(system.events.kafka, [{ topic, partition: 0, value }]);
  };

  it('are those that were there when it was claimed, and the gate says them', async () => {
    await system.rebuild();
    expect(await system.gate()).to.include({ partitions: 'coupon-lifecycle=3 coupon-assign=3' });
    await more(4);
    expect(await system.gate()).to.include({ partitions: 'coupon-lifecycle=3 coupon-assign=3' });
    await system.rebuild();
    expect(await system.gate()).to.include({ partitions: 'coupon-lifecycle=3 coupon-assign=4' });
  });

  it('count what is in a new one from the next epoch on, and nothing from before', async () => {
    const { epoch } = await system.rebuild();
    await more(4);
    const created = couponCreated({ epoch });
    await system.append([created], 0);
    await system.append([couponAssigned(1, { epoch, userId: 'too early' })], 3);
    const next = await system.rebuild();
    expect(next).to.include({ assignments: 0, fenced: 1 });
    await system.append([couponAssigned(2, { epoch: next.epoch, userId: 'in time' })], 3);
    expect(await system.rebuild()).to.include({ assignments: 1, fenced: 1 });
  });

  it('are all that any older epoch was claimed for: a rebuild that is shown fewer gives up', async () => {
    await system.rebuild();
    // What a broker that lags behind looks like: a claim for a partition that it does not know yet.
    const claimed = await claimEpoch(system.events, 'coupon-lifecycle=3 coupon-assign=4');
    await claimEpoch(system.events, 'coupon-lifecycle=3 coupon-assign=3');
    const before = await system.gate();
    const error = await errorOf(system.attempt());
    expect(error).to.include({ code: 'KAFKA_UNAVAILABLE', retriable: true });
    expect(error.message).to.equal(
      `not every partition is seen: coupon-assign is listed with 3 partition(s), and epoch ${claimed} was claimed for 4`,
    );
    expect(await system.gate()).to.deep.equal(before);
    expect(await system.redis.exists(system.keys.rebuildLock)).to.equal(0);
    await more(4);
    await system.rebuild();
    expect(await system.gate()).to.include({ partitions: 'coupon-lifecycle=3 coupon-assign=4' });
  });

  it('are not guessed from a claim of a version after this one', async () => {
    await claimEpoch(system.events, 'coupon-lifecycle=3 coupon-assign=3 coupon-more=1');
    const error = await errorOf(system.attempt());
    expect(error).to.include({ code: 'TOPIC_MISMATCH', retriable: false });
    expect(error.message).to.contain('epoch 0 names its partitions');
  });

  it('are not asked of claims that name none, nor of what is discarded in their topic', async () => {
    await claimEpoch(system.events, '');
    await appendClaim(Buffer.from('not a claim'));
    const error = (await errorOf(system.attempt())) as AppError;
    expect(error).to.include({ code: 'RECORD_UNREADABLE' });
    expect(error.message).to.contain('firstcome discard coupon-epochs 0 1 ');
    await discardUnreadable(system.events);
    expect(await system.rebuild()).to.include({ epoch: 2 });
  });

  it('are counted from a whole listing only', () => {
    const place = (topic: 'coupon-lifecycle' | 'coupon-assign', partition: number) => ({
      topic,
      partition,
    });
    const lifecycle = [place('coupon-lifecycle', 0)];
    expect(
      countPartitions([...lifecycle, place('coupon-assign', 1), place('coupon-assign', 0)]),
    ).to.deep.equal({ 'coupon-lifecycle': 1, 'coupon-assign': 2 });
    for (const assign of [[], [place('coupon-assign', 0), place('coupon-assign', 2)]]) {
      expect(() => countPartitions([...lifecycle, ...assign]))
        .to.throw('coupon-assign')
        .with.property('retriable', true);
    }
  });
});
