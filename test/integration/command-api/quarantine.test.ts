import { expect } from 'chai';
import { readOrigin } from '../../../contracts/dead-letter.ts';
import { ASSIGN_TOPIC, deadLetterTopicOf, LIFECYCLE_TOPIC } from '../../../contracts/topics.ts';
import { createProducer } from '../../../platform/kafka/producer.ts';
import { readRedis } from '../../../verifier/read/read-redis.ts';
import { keyed } from '../../support/fixtures/sample-events.ts';
import { type OwnRedis, startOwnRedis } from '../../support/servers/own-redis.ts';
import { discardUnreadable } from '../../support/system/discard.ts';
import { openEpoch } from '../../support/system/epoch.ts';
import { recordsOf, setTopicConfig } from '../../support/system/records.ts';
import { connectRedis } from '../../support/system/redis.ts';
import { createEventSystem, type EventSystem } from '../../support/system/topics.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { type AssignAnswer, type CommandNode, newCoupon, openCommandNode } from './command-node.ts';

/** Takes an event of a short user id, not two of them at once, nor one of a long id or title. */
const SMALL = 350;
const LARGE = 1_048_588;
const LONG_ID = '🎟'.repeat(64);

describe('An event that the log refuses', () => {
  let system: EventSystem;
  let server: OwnRedis;
  let node: CommandNode;

  before(async function () {
    this.timeout(180_000);
    system = await createEventSystem('refused-');
    server = await startOwnRedis();
    await openEpochHere();
  });
  after(async function () {
    this.timeout(180_000);
    await server?.close();
    await system?.cleanup();
  });
  beforeEach(async () => {
    node = await openCommandNode(system, { redisUrl: server.url });
  });
  afterEach(async () => {
    await node.close();
    for (const topic of [LIFECYCLE_TOPIC, ASSIGN_TOPIC]) {
      await setLargest(topic, LARGE);
      await setLargest(deadLetterTopicOf(topic), 2 * LARGE);
    }
  });

  const openEpochHere = async (): Promise<void> => {
    // Those that `untilInForce` wrote are no events.
    await discardUnreadable(system);
    const redis = await connectRedis(server.url);
    await openEpoch(system, redis);
    redis.disconnect();
  };
  /** The largest batch that every broker takes from now on. */
  const setLargest = async (topic: string, bytes: number): Promise<void> => {
    const name = `${system.topicPrefix}${topic}`;
    await setTopicConfig(system.kafka, name, {
      'max.message.bytes': String(bytes),
    });
    await untilInForce(name, bytes === SMALL ? 'refused' : 'acknowledged');
  };
  /** Waits until every partition does this with a record of more than SMALL bytes. */
  const untilInForce = async (name: string, wanted: 'acknowledged' | 'refused') => {
    const producer = createProducer(system.kafka, { retries: 0 });
    for (const partition of [0, 1, 2]) {
      const record = { topic: name, partition, value: Buffer.alloc(SMALL) };
      await waitUntil(`it is ${wanted}`, async () => {
        const { kind } = await producer.send([record], { timeoutMs: 10_000 });
        return kind === wanted;
      });
    }
    await producer.close();
  };
  /** The dead letters of events with this key. */
  const deadLettersOf = async (topic: string, key: string) => {
    const name = deadLetterTopicOf(topic);
    const records = await recordsOf(system.kafka, `${system.topicPrefix}${name}`);
    return records
      .filter((record) => String(record.key) === key)
      .map(({ partition, value, headers }) => ({
        ...{ partition, value },
        origin: readOrigin({ topic: name, headers }),
      }));
  };
  const askFor = (couponId: string): Promise<AssignAnswer> =>
    node.ask(couponId, { userId: LONG_ID });
  /** The id of the one event that is quarantined. */
  const quarantinedIn = async (couponId: string): Promise<string> => {
    const state = await node.stateOf(couponId);
    expect(state.outbox).to.deep.equal({});
    const [id, ...others] = Object.keys(state.outboxEvents);
    expect(others).to.deep.equal([]);
    return id ?? '';
  };

  it('becomes a dead letter while the others of its batch are given, and keeps its unit', async () => {
    const couponId = await node.create({ quantity: 40 });
    await setLargest(ASSIGN_TOPIC, SMALL);
    const users = Array.from({ length: 15 }, (_, n) => `user-${n}`);
    const answers = await Promise.all(
      [...users.slice(0, 7), LONG_ID, ...users.slice(7)].map((userId) =>
        node.ask(couponId, { userId }),
      ),
    );
    const kinds = answers.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'assigned')).to.have.length(15);
    expect(kinds[7]).to.equal('refused-by-log');

    const id = await quarantinedIn(couponId);
    const [letter, ...others] = await deadLettersOf(ASSIGN_TOPIC, id);
    expect(others).to.deep.equal([]);
    expect(letter?.origin).to.deep.include({ topic: ASSIGN_TOPIC, offset: null });
    expect(letter?.origin).to.have.nested.property('poison.code', 'EVENT_REFUSED');
    expect(letter?.origin).to.have.nested.property('poison.reason').that.contains('larger than');
    expect(await system.codec.decode(letter?.value ?? null)).to.have.nested.property(
      'event.userId',
      LONG_ID,
    );
    expect((await node.stateOf(couponId)).coupon.remaining).to.equal('24');
    const { coupons } = await readRedis(node.redis, node.keys, couponId);
    expect(coupons.get(couponId)?.quarantined, 'as the verifier sees it').to.deep.equal([id]);
    expect(node.publisher.waiting()).to.equal(0);
  });

  it('is emitted again for whoever asks again, with no second letter, until the log takes it', async () => {
    const couponId = await node.create();
    await setLargest(ASSIGN_TOPIC, SMALL);
    expect(await askFor(couponId)).to.deep.equal({ kind: 'refused-by-log' });
    expect(await askFor(couponId)).to.deep.equal({ kind: 'refused-by-log' });
    const id = await quarantinedIn(couponId);
    expect(await deadLettersOf(ASSIGN_TOPIC, id)).to.have.length(1);

    await setLargest(ASSIGN_TOPIC, LARGE);
    const answer = await waitUntil('the log takes it', async () => {
      const asked = await askFor(couponId);
      return asked.kind === 'assigned' && asked;
    });
    expect(answer.assignment).to.include({ assignmentId: id, sequence: 1 });
    expect(await quarantinedIn(couponId)).to.equal('');
    expect(await askFor(couponId)).to.deep.include({ kind: 'limit-reached' });
    expect((await node.stateOf(couponId)).coupon.remaining).to.equal('9');
  });

  it('does not hold up the coupon, and gives its unit back in the next epoch', async () => {
    const couponId = await node.create();
    await setLargest(ASSIGN_TOPIC, SMALL);
    const relay = node.startRelay();
    expect(await askFor(couponId)).to.deep.equal({ kind: 'refused-by-log' });
    const id = await quarantinedIn(couponId);
    expect(await node.ask(couponId, { userId: 'bo' })).to.have.property('kind', 'assigned');
    await relay.close();
    expect(await deadLettersOf(ASSIGN_TOPIC, id)).to.have.length(1);

    await setLargest(ASSIGN_TOPIC, LARGE);
    await openEpochHere();
    expect((await node.stateOf(couponId)).coupon.remaining).to.equal('9');
    expect((await node.stateOf(couponId)).outboxEvents).to.deep.equal({});
  });

  it('can be a creation: there is no such coupon until the log takes it', async () => {
    const command = newCoupon({ title: '긴'.repeat(100), key: keyed('create') });
    await setLargest(LIFECYCLE_TOPIC, SMALL);
    expect(await node.askToCreate(command)).to.deep.equal({
      kind: 'refused-by-log',
    });
    expect(await node.ask(command.couponId)).to.deep.equal({ kind: 'coupon-not-found' });
    expect(await quarantinedIn(command.couponId)).to.equal(command.couponId);
    expect(await deadLettersOf(LIFECYCLE_TOPIC, command.couponId)).to.have.length(1);
    await setLargest(LIFECYCLE_TOPIC, LARGE);
    const answer = await waitUntil('the log takes it', async () => {
      const asked = await node.askToCreate(command);
      return asked.kind === 'created' && asked;
    });
    expect(answer).to.include({ replayed: true });
    expect(await node.ask(command.couponId)).to.have.property('kind', 'assigned');
  });

  it('stays in the outbox while the dead letter topic can not be written', async () => {
    const couponId = await node.create();
    await setLargest(deadLetterTopicOf(ASSIGN_TOPIC), SMALL);
    await setLargest(ASSIGN_TOPIC, SMALL);
    expect(await askFor(couponId)).to.deep.equal({ kind: 'refused-by-log' });
    const { outbox } = await node.stateOf(couponId);
    const [id = ''] = Object.keys(outbox);
    expect(Object.keys(outbox)).to.have.length(1);
    expect(await deadLettersOf(ASSIGN_TOPIC, id)).to.deep.equal([]);

    await setLargest(deadLetterTopicOf(ASSIGN_TOPIC), 2 * LARGE);
    node.startRelay();
    await waitUntil('the relay has brought it there', async () => {
      const state = await node.stateOf(couponId);
      return Object.keys(state.outbox).length === 0;
    });
    expect(await quarantinedIn(couponId)).to.equal(id);
    expect(await deadLettersOf(ASSIGN_TOPIC, id)).not.to.deep.equal([]);
  });
});
