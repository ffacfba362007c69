import { expect } from 'chai';
import { kafkajsOf } from '../../../platform/kafka/kafkajs-of.ts';
import { randomName } from '../../support/random-name.ts';
import { registerAnything } from '../../support/servers/test-registry.ts';
import { runCli } from '../../support/system/run-cli.ts';
import {
  createEventSystem,
  deleteSubjects,
  type EventSystem,
} from '../../support/system/topics.ts';

const ID = '0b8f7b9e-6f0c-4a4e-9a57-3d1f4f1b2c3d';
const CREATED = {
  eventId: ID,
  epoch: 0,
  occurredAt: Date.UTC(2026, 10, 22, 1, 2, 3, 4),
  idempotencyKey: null,
  requestHash: null,
  couponId: ID,
  title: '선착순 쿠폰 🎟',
  quantity: 3,
  startDate: Date.UTC(2026, 10, 23),
  endDate: Date.UTC(2026, 10, 24),
  perUserLimit: 1,
};

describe('firstcome schemas', () => {
  let system: EventSystem;
  before(async () => {
    system = await createEventSystem('cli');
    const producer = kafkajsOf(system.kafka).producer();
    await producer.connect();
    const send = (topic: string, message: { key?: string | Buffer; value: Buffer | null }) =>
      producer.send({
        topic: `${system.topicPrefix}${topic}`,
        messages: [
          {
            ...message,
            partition: 0,
            timestamp: String(Date.UTC(2026, 10, 22, 1, 2, 3, 5)),
            headers: { traceparent: '00-aa-bb-01', odd: Buffer.from([0xff]) },
          },
        ],
      });
    const created = system.codec.encode('coupon-lifecycle', 'CouponCreated', CREATED);
    await send('coupon-lifecycle', { key: ID, value: created });
    await send('coupon-lifecycle-dlt', { key: ID, value: created });
    await send('coupon-lifecycle-dlt', { key: Buffer.from([0xc3]), value: Buffer.from('oddity') });
    await send('coupon-lifecycle-dlt', { value: null });
    await send('coupon-lifecycle-dlt', { value: created.subarray(0, -1) });
    await send('coupon-lifecycle-dlt', { value: Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1]) });
    await send('coupon-epochs', {
      value: system.codec.encode('coupon-epochs', 'EpochClaimed', {
        claimedBy: 'x',
        claimedAt: 0,
        partitions: '',
      }),
    });
    await producer.disconnect();
  });
  after(() => system.cleanup());

  const run = (args: string, env: Record<string, string> = {}) =>
    runCli('schemas', args.split(' ').filter(Boolean), {
      TOPIC_PREFIX: system.topicPrefix,
      ...env,
    });
  const subject = (name: string): string => `${system.topicPrefix}${name}`;

  it('shows its usage on stderr and ends with 2 when it does not understand', async () => {
    for (const args of ['', 'burn', 'constructor']) {
      const { code, stdout, stderr } = await run(args);
      expect(code, args).to.equal(2);
      expect(stdout, args).to.equal('');
      expect(stderr, args).to.match(/decode .*<topic> <partition> <offset>/);
    }
    expect((await run('help')).code).to.equal(0);
  });

  it('list: every subject with versions, ids and level', async () => {
    const { code, stdout } = await run('list');
    expect(code).to.equal(0);
    const [head, ...rows] = stdout.trimEnd().split('\n');
    expect(head).to.match(/^SUBJECT +VERSIONS +IDS +COMPATIBILITY$/);
    expect(rows).to.have.length(7);
    for (const row of rows) expect(row).to.match(/firstcome\.\w+ +1 +\d+ +FULL_TRANSITIVE$/);
  });

  it('show: a schema as it was registered, the newest when no version is said', async () => {
    const name = subject('coupon-lifecycle-firstcome.CouponCreated');
    for (const args of [`show ${name}`, `show ${name} 1`]) {
      const { code, stdout } = await run(args);
      expect(code).to.equal(0);
      const [head, ...schema] = stdout.split('\n');
      expect(head).to.contain(`${name} version 1, id `);
      expect(JSON.parse(schema.join('\n'))).to.include({ name: 'CouponCreated' });
    }
  });

  it('show: which versions there are when the one asked for is not there', async () => {
    const name = subject('coupon-lifecycle-firstcome.CouponCreated');
    expect(await run(`show ${name} 7`)).to.include({
      code: 1,
      stderr: `${name} has the versions 1\n`,
    });
    expect(await run('show nothing')).to.include({
      code: 1,
      stderr: 'there is no subject nothing\n',
    });
    expect((await run('show')).stderr).to.contain("missing required argument 'subject'");
  });

  it('register and check: nothing to do, nothing wrong', async () => {
    const registered = await run('register');
    expect(registered.code).to.equal(0);
    expect(registered.stdout.match(/existed before/g)).to.have.length(7);
    const checked = await run('check');
    expect(checked.code).to.equal(0);
    expect(checked.stdout.match(/^ok /gm)).to.have.length(7);
  });

  it('check: ends with 1 and says what is not registered or not compatible', async () => {
    const prefix = `${randomName('cli')}-`;
    try {
      const name = `${prefix}coupon-epochs-firstcome.EpochClaimed`;
      const fields = [{ name: 'claimedBy', type: 'int' }];
      await registerAnything(name, {
        type: 'record',
        namespace: 'firstcome',
        name: 'EpochClaimed',
        fields,
      });
      const { code, stdout } = await run('check', { TOPIC_PREFIX: prefix });
      expect(code).to.equal(1);
      expect(stdout.match(/^FAULT /gm)).to.have.length(7);
      expect(stdout).to.match(/CouponCreated +no such subject; not registered/);
      expect(stdout).to.match(/EpochClaimed +versions 1; not registered; compatibility is/);
    } finally {
      await deleteSubjects(prefix);
    }
  });

  it('decode: an event with key, headers, times in ISO 8601, and its schema', async () => {
    const { code, stdout } = await run('decode coupon-lifecycle 0 0');
    expect(code).to.equal(0);
    const [text = '', json = ''] = stdout.split(/^event +/m);
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ +(.*)/).slice(0, 2));
    expect(lines[3]?.[1]).to.match(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(lines.slice(0, -1)).to.deep.equal([
      ['topic', subject('coupon-lifecycle')],
      ['partition', '0'],
      ['offset', '0'],
      // The broker's own, whatever the writer says.
      ['timestamp', lines[3]?.[1]],
      ['key', ID],
      ['header', 'traceparent: 00-aa-bb-01'],
      ['header', 'odd: 0xff'],
    ]);
    const schema = subject('coupon-lifecycle-firstcome.CouponCreated');
    expect(lines.at(-1)?.[1]).to.match(new RegExp(`^\\d+ \\(${schema} version 1\\)$`));
    expect(JSON.parse(json)).to.deep.equal({
      ...CREATED,
      occurredAt: '2026-11-22T01:02:03.004Z',
      startDate: '2026-11-23T00:00:00.000Z',
      endDate: '2026-11-24T00:00:00.000Z',
    });
  });

  it('decode: records of every other topic', async () => {
    const dead = await run('decode coupon-lifecycle-dlt 0 0');
    expect(dead.code).to.equal(0);
    expect(dead.stdout).to.contain(`(${subject('coupon-lifecycle-firstcome.CouponCreated')} `);
    const claim = await run('decode coupon-epochs 0 0');
    expect(claim.stdout).to.contain('"claimedAt": "1970-01-01T00:00:00.000Z"');
  });

  it('decode: what is unreadable as hex, with the reason and without a stack trace', async () => {
    const cases: [offset: number, ...texts: string[]][] = [
      [1, 'key        0xc3', 'the first byte is 111, not 0', 'hex        6f6464697479'],
      [2, 'value      (none)'],
      [3, 'not what its schema says: truncated buffer', 'hex        00000'],
      [4, 'the registry has no schema 2147483647', 'hex        007fffffff01'],
    ];
    for (const [offset, ...texts] of cases) {
      const { code, stdout, stderr } = await run(`decode coupon-lifecycle-dlt 0 ${offset}`);
      expect(code).to.equal(0);
      for (const text of texts) expect(stdout).to.contain(text);
      expect(stderr).to.equal('');
    }
  });

  it('decode: which offsets, partitions and topics there are', async () => {
    const topic = subject('coupon-lifecycle');
    expect(await run('decode coupon-lifecycle 0 1')).to.include({
      code: 1,
      stderr: `${topic}/0 holds the offsets 0 to 0\n`,
    });
    expect(await run('decode coupon-lifecycle 1 0')).to.include({
      code: 1,
      stderr: `${topic}/1 is empty\n`,
    });
    expect(await run('decode coupon-lifecycle 3 0')).to.include({
      code: 1,
      stderr: `${topic} has the partitions 0, 1, 2\n`,
    });
    expect(await run('decode nothing 0 0')).to.include({
      code: 1,
      stderr: `there is no topic ${subject('nothing')}\n`,
    });
    for (const args of ['decode', 'decode coupon-lifecycle 0', 'decode coupon-lifecycle 0 -1']) {
      const { code, stderr } = await run(args);
      expect(code).to.equal(2);
      expect(stderr).to.contain('Usage: firstcome schemas decode ');
    }
  });

  it('says which part is away, in one line', async () => {
    const noRegistry = await run('list', { SCHEMA_REGISTRY_URL: 'http://127.0.0.1:9/x' });
    expect(noRegistry.code).to.equal(1);
    expect(noRegistry.stderr).to.match(/^schemas failed: the registry did not answer: .*\n$/);
    const noKafka = await run('decode coupon-epochs 0 0', { KAFKA_BROKERS: '127.0.0.1:9' });
    expect(noKafka.code).to.equal(1);
    expect(noKafka.stderr).to.match(/127\.0\.0\.1:9\n$/);
  });
});
