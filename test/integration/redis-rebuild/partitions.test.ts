import { expect } from 'chai';
import { ASSIGN_TOPIC, EPOCHS_TOPIC } from '../../../contracts/topics.ts';
import { countPartitions } from '../../../redis-rebuild/partitions.ts';
import { errorOf } from '../../support/error-of.ts';
import { couponAssigned, couponCreated } from '../../support/fixtures/sample-events.ts';
import { claimEpoch } from '../../support/system/epoch.ts';
import { addPartitions } from '../../support/system/partitions.ts';
import { createRebuildWorld, type RebuildWorld } from './rebuild-system.ts';

describe('The partitions of an epoch', function () {
  this.timeout(60_000);
  let world: RebuildWorld;
  beforeEach(async () => {
    world = await createRebuildWorld();
  });
  afterEach(() => world?.close());

  const more = (count: number) =>
    addPartitions(world.events.kafka, world.events.topicPrefix + ASSIGN_TOPIC, count);
  const appendClaim = async (value: Buffer): Promise<void> => {
    const producer = world.events.kafka.producer();
    await producer.connect();
    const topic = world.events.topicPrefix + EPOCHS_TOPIC;
    await producer.send({ topic, messages: [{ partition: 0, value }] });
    await producer.disconnect();
  };

  it('are those that were there when it was claimed, and the gate says them', async () => {
    await world.rebuild();
    expect(await world.gate()).to.include({ partitions: 'coupon-lifecycle=3 coupon-assign=3' });
    await more(4);
    expect(await world.gate()).to.include({ partitions: 'coupon-lifecycle=3 coupon-assign=3' });
    await world.rebuild();
    expect(await world.gate()).to.include({ partitions: 'coupon-lifecycle=3 coupon-assign=4' });
  });

  it('count what is in a new one from the next epoch on, and nothing from before', async () => {
    const { epoch } = await world.rebuild();
    await more(4);
    const created = couponCreated({ epoch });
    await world.append([created], 0);
    await world.append([couponAssigned(1, { epoch, userId: 'too early' })], 3);
    const next = await world.rebuild();
    expect(next).to.include({ assignments: 0, voided: 1 });
    await world.append([couponAssigned(2, { epoch: next.epoch, userId: 'in time' })], 3);
    expect(await world.rebuild()).to.include({ assignments: 1, voided: 1 });
  });

  it('are all that any older epoch was claimed for: a rebuild that is told of fewer gives up', async () => {
    await world.rebuild();
    // What a broker that lags behind looks like: a claim for a partition that it does not know yet.
    const claimed = await claimEpoch(world.events, 'coupon-lifecycle=3 coupon-assign=4');
    await claimEpoch(world.events, 'coupon-lifecycle=3 coupon-assign=3');
    const before = await world.gate();
    const error = await errorOf(world.attempt());
    expect(error).to.include({ code: 'KAFKA_UNAVAILABLE', retriable: true });
    expect(error.message).to.equal(
      `not every partition is seen: coupon-assign is listed with 3 partition(s), and epoch ${claimed} was claimed for 4`,
    );
    expect(await world.gate()).to.deep.equal(before);
    expect(await world.redis.exists(world.keys.rebuildLock)).to.equal(0);
    await more(4);
    await world.rebuild();
    expect(await world.gate()).to.include({ partitions: 'coupon-lifecycle=3 coupon-assign=4' });
  });

  it('are not guessed from a claim of a version after this one', async () => {
    await claimEpoch(world.events, 'coupon-lifecycle=3 coupon-assign=3 coupon-more=1');
    const error = await errorOf(world.attempt());
    expect(error).to.include({ code: 'TOPIC_MISMATCH', retriable: false });
    expect(error.message).to.contain('epoch 0 names its partitions');
  });

  it('are not asked of claims that name none, or that nobody can read', async () => {
    await claimEpoch(world.events, '');
    await appendClaim(Buffer.from('not a claim'));
    expect(await world.rebuild()).to.include({ epoch: 2 });
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
