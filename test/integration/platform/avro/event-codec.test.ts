import avro from 'avsc';
import { expect } from 'chai';
import fc from 'fast-check';
import { readOwnSchemas, registerSchemas } from '../../../../admin/schemas/register-schemas.ts';
import { recordNameOf, toLogEvent } from '../../../../contracts/event-record.ts';
import { destinationOf } from '../../../../contracts/topics.ts';
import type { EpochStarted, LogEvent } from '../../../../domain/coupon-events.ts';
import type { RecordSchema } from '../../../../platform/avro/avro-schemas.ts';
import { createEventCodec, type EventCodec } from '../../../../platform/avro/event-codec.ts';
import { FRAME_BYTES, writeFrame } from '../../../../platform/avro/record-frame.ts';
import { AppError } from '../../../../platform/errors.ts';
import { errorOf } from '../../../support/error-of.ts';
import { type RegistryProxy, startRegistryProxy } from '../../../support/faults/registry-proxy.ts';
import {
  anyCouponAssigned,
  anyCouponCreated,
  anyEpochStarted,
} from '../../../support/fixtures/arbitraries.ts';
import { randomName } from '../../../support/random-name.ts';
import { registerAnything } from '../../../support/servers/test-registry.ts';
import { addressOf } from '../../../support/system/addresses.ts';
import { deleteSubjects } from '../../../support/system/topics.ts';
import { waitUntil } from '../../../support/wait-until.ts';

const SAMPLE: EpochStarted = {
  type: 'EpochStarted',
  eventId: '0b8f7b9e-6f0c-4a4e-9a57-3d1f4f1b2c3d',
  epoch: 7,
  occurredAt: 1_800_000_000_123,
};
const JSON_SCHEMA = { $schema: 'http://json-schema.org/draft-07/schema#', type: 'object' };
const UNKNOWN_ID = 2_147_483_647;

describe('the event codec', () => {
  const topicPrefix = `${randomName('codec')}-`;
  const registryUrl = addressOf('SCHEMA_REGISTRY_URL');
  const schemas = readOwnSchemas();
  const ownSchema = (name: string): RecordSchema =>
    schemas.find(({ schema }) => schema.name === name)?.schema as RecordSchema;
  let codec: EventCodec;

  before(async () => {
    await registerSchemas({ url: registryUrl }, topicPrefix, schemas);
    codec = await createEventCodec({ registry: { url: registryUrl }, topicPrefix, schemas });
  });
  after(() => deleteSubjects(topicPrefix));

  it('carries every event there and back, whatever its texts and numbers', async () => {
    const anyEvent = fc.oneof(anyCouponCreated, anyCouponAssigned, anyEpochStarted);
    await fc.assert(
      fc.asyncProperty(anyEvent, async (event: LogEvent) => {
        const topic = event.type === 'EpochStarted' ? 'coupon-assign' : destinationOf(event).topic;
        const { name, event: fields } = await codec.decode(
          codec.encode(topic, recordNameOf(event), event),
        );
        expect(toLogEvent(name, fields)).to.deep.equal(event);
      }),
      { numRuns: 500 },
    );
  });

  it('carries texts that are longer than its scratch space', async () => {
    const claim = { claimedBy: '쿠폰🎟'.repeat(10_000), claimedAt: 1, partitions: '' };
    const { event } = await codec.decode(codec.encode('coupon-epochs', 'EpochClaimed', claim));
    expect({ ...event }).to.deep.equal(claim);
  });

  it('gives bytes of their own to every event', () => {
    const first = codec.encode('coupon-assign', 'EpochStarted', SAMPLE);
    const copy = Buffer.from(first);
    codec.encode('coupon-assign', 'EpochStarted', { ...SAMPLE, epoch: 8 });
    expect(first.equals(copy)).to.equal(true);
  });

  describe('refuses to write', () => {
    const created = { ...fc.sample(anyCouponCreated, { numRuns: 1, seed: 1 })[0] };
    const cases: [what: string, topic: string, name: string, event: object, says: string][] = [
      ['a field that is missing', 'coupon-assign', 'EpochStarted', { epoch: 1 }, 'eventId'],
      ['a text for a number', 'coupon-assign', 'EpochStarted', { ...SAMPLE, epoch: '7' }, 'epoch'],
      ['a fraction', 'coupon-assign', 'EpochStarted', { ...SAMPLE, epoch: 0.5 }, 'epoch'],
      [
        'a number beyond the exact ones',
        'coupon-assign',
        'EpochStarted',
        { ...SAMPLE, epoch: 2 ** 53 },
        'epoch',
      ],
      ['a BigInt', 'coupon-assign', 'EpochStarted', { ...SAMPLE, epoch: 7n }, 'epoch'],
      [
        'an int of more than 32 bits',
        'coupon-lifecycle',
        'CouponCreated',
        { ...created, quantity: 2 ** 31 },
        'quantity',
      ],
      [
        'half of a character, which UTF-8 would turn into another text',
        'coupon-lifecycle',
        'CouponCreated',
        { ...created, title: 'half \ud83c' },
        'title is not well-formed',
      ],
      [
        'half of a character where a text may be null',
        'coupon-lifecycle',
        'CouponCreated',
        { ...created, idempotencyKey: '\udf9f' },
        'idempotencyKey is not well-formed',
      ],
      ['a record in a topic of others', 'coupon-epochs', 'EpochStarted', SAMPLE, 'no place'],
      ['a record that nobody knows', 'coupon-assign', 'CouponBurnt', SAMPLE, 'no place'],
    ];
    for (const [what, topic, name, event, says] of cases) {
      it(what, () => {
        expect(() => codec.encode(topic, name, event))
          .to.throw(AppError, says)
          .that.includes({ code: 'EVENT_INVALID', retriable: false });
      });
    }
  });

  describe('tells unreadable records apart from a registry that is away:', () => {
    const good = (): Buffer => codec.encode('coupon-assign', 'EpochStarted', SAMPLE);
    const framed = (schemaId: number, body: Buffer): Buffer => {
      const value = Buffer.concat([Buffer.alloc(FRAME_BYTES), body]);
      writeFrame(value, schemaId);
      return value;
    };

    const unreadable: [what: string, value: () => Buffer | null][] = [
      ['no value', () => null],
      ['an empty value', () => Buffer.alloc(0)],
      ['text', () => Buffer.from('{"eventId":1}')],
      ['a body that is cut off', () => good().subarray(0, -1)],
      ['bytes after the body', () => Buffer.concat([good(), Buffer.from([0])])],
    ];
    for (const [what, value] of unreadable) {
      it(`${what} is RECORD_UNREADABLE, for good`, async () => {
        expect(await errorOf(codec.decode(value()))).to.include({
          code: 'RECORD_UNREADABLE',
          retriable: false,
        });
      });
    }

    it('no bytes at all make it do anything but decode or refuse', async () => {
      const schemaId = good().readUInt32BE(1);
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (body) => {
          await codec.decode(framed(schemaId, Buffer.from(body))).catch((error: unknown) => {
            expect(error).to.include({ code: 'RECORD_UNREADABLE', retriable: false });
          });
        }),
        { numRuns: 500 },
      );
    });

    it('a number beyond the exact ones is RECORD_UNREADABLE, never a rounded number', async () => {
      const type = avro.Type.forSchema(ownSchema('EpochStarted') as avro.Schema);
      const body = type.toBuffer({ ...SAMPLE, epoch: 0 });
      // The epoch is the byte after the id's length and 36 characters; this is 2^62.
      const huge = Buffer.from([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]);
      const value = Buffer.concat([body.subarray(0, 37), huge, body.subarray(38)]);
      const schemaId = good().readUInt32BE(1);
      const error = await errorOf(codec.decode(framed(schemaId, value)));
      expect(error).to.include({ code: 'RECORD_UNREADABLE', retriable: false });
    });

    it('an id that the registry does not know is SCHEMA_UNKNOWN, for good', async () => {
      const error = await errorOf(codec.decode(framed(UNKNOWN_ID, Buffer.alloc(3))));
      expect(error).to.include({ code: 'SCHEMA_UNKNOWN', retriable: false });
    });

    it('a record of a foreign name is RECORD_UNREADABLE, for good', async () => {
      const foreign = { ...ownSchema('EpochStarted'), name: 'Foreign' };
      const schemaId = await registerAnything(`${topicPrefix}foreign`, foreign);
      const error = await errorOf(codec.decode(framed(schemaId, good().subarray(FRAME_BYTES))));
      expect(error).to.include({ code: 'RECORD_UNREADABLE', retriable: false });
      expect(error.message).to.contain('firstcome.Foreign');
    });

    it('a schema that is not Avro is RECORD_UNREADABLE, for good', async () => {
      const schemaId = await registerAnything(`${topicPrefix}json`, JSON_SCHEMA, 'JSON');
      const error = await errorOf(codec.decode(framed(schemaId, Buffer.from('{}'))));
      expect(error).to.include({ code: 'RECORD_UNREADABLE', retriable: false });
    });

    it('a schema of the same name that can not be resolved is RECORD_UNREADABLE', async () => {
      const changed = { ...ownSchema('EpochStarted'), fields: [{ name: 'epoch', type: 'string' }] };
      const schemaId = await registerAnything(`${topicPrefix}changed`, changed);
      const error = await errorOf(codec.decode(framed(schemaId, Buffer.from([2, 65]))));
      expect(error).to.include({ code: 'RECORD_UNREADABLE', retriable: false });
    });
  });

  it('reads what a newer version of a record wrote, without the fields it does not know', async () => {
    const schema = ownSchema('EpochStarted');
    const newer = {
      ...schema,
      fields: [...schema.fields, { name: 'reason', type: 'string', default: '' }],
    };
    const schemaId = await registerAnything(`${topicPrefix}newer`, newer);
    const body = avro.Type.forSchema(newer as avro.Schema).toBuffer({ ...SAMPLE, reason: 'x' });
    const value = Buffer.concat([Buffer.alloc(FRAME_BYTES), body]);
    writeFrame(value, schemaId);
    const { name, event } = await codec.decode(value);
    expect(toLogEvent(name, event)).to.deep.equal(SAMPLE);
  });

  it('does not start when a schema is not registered, and says which and what to do', async () => {
    const prefix = `${randomName('none')}-`;
    const error = await errorOf(
      createEventCodec({ registry: { url: registryUrl }, topicPrefix: prefix, schemas }),
    );
    expect(error).to.include({ code: 'SCHEMA_UNKNOWN', retriable: false });
    expect(error.message).to.match(new RegExp(`${prefix}coupon-.*npm run migrate`));
  });

  const changes: [
    what: string,
    change: (fields: RecordSchema['fields']) => RecordSchema['fields'],
  ][] = [
    ['with a field more', (fields) => [...fields, { name: 'more', type: 'int', default: 0 }]],
    ['with its fields in another order', (fields) => fields.toReversed()],
  ];
  for (const [what, change] of changes) {
    it(`does not start with a schema that was registered ${what}`, async () => {
      const changed = schemas.map((record) => ({
        ...record,
        schema: { ...record.schema, fields: change(record.schema.fields) },
      }));
      const error = await errorOf(
        createEventCodec({ registry: { url: registryUrl }, topicPrefix, schemas: changed }),
      );
      expect(error).to.include({ code: 'SCHEMA_UNKNOWN', retriable: false });
    });
  }

  it('does not register anything by itself', async () => {
    const prefix = `${randomName('none')}-`;
    await errorOf(
      createEventCodec({ registry: { url: registryUrl }, topicPrefix: prefix, schemas }),
    );
    const subjects = (await (await fetch(`${registryUrl}/subjects`)).json()) as string[];
    expect(subjects.filter((subject) => subject.startsWith(prefix))).to.deep.equal([]);
  });

  it('does not start without a registry, and says that trying again can help', async () => {
    const proxy = await startRegistryProxy();
    await proxy.close();
    const options = { registry: { url: proxy.url }, topicPrefix, schemas };
    const error = await errorOf(createEventCodec(options));
    expect(error).to.include({ code: 'REGISTRY_UNAVAILABLE', retriable: true });
  });

  describe('beside a registry that goes away', () => {
    let proxy: RegistryProxy;
    let guarded: EventCodec;
    beforeEach(async () => {
      proxy = await startRegistryProxy();
      guarded = await createEventCodec({ registry: { url: proxy.url }, topicPrefix, schemas });
      proxy.requests.splice(0);
    });
    afterEach(() => proxy.close());

    const foreignId = (): Buffer => {
      const value = Buffer.alloc(FRAME_BYTES + 1);
      writeFrame(value, UNKNOWN_ID);
      return value;
    };

    it('writes and reads its own records without a request', async () => {
      await proxy.close();
      const value = guarded.encode('coupon-assign', 'EpochStarted', SAMPLE);
      const { name, event } = await guarded.decode(value);
      expect(toLogEvent(name, event)).to.deep.equal(SAMPLE);
      expect(proxy.requests).to.deep.equal([]);
    });

    it('goes on reading a foreign version that it has met before', async () => {
      const schema = ownSchema('EpochStarted');
      const fields = [...schema.fields, { name: 'more', type: 'int', default: 0 }];
      const newer = { ...schema, fields };
      const schemaId = await registerAnything(`${topicPrefix}met`, newer);
      const body = avro.Type.forSchema(newer as avro.Schema).toBuffer({ ...SAMPLE, more: 1 });
      const value = Buffer.concat([Buffer.alloc(FRAME_BYTES), body]);
      writeFrame(value, schemaId);
      await guarded.decode(value);
      await proxy.close();
      expect((await guarded.decode(value)).name).to.equal('EpochStarted');
    });

    it('says REGISTRY_UNAVAILABLE, retriable, for an id that it has not met', async () => {
      await proxy.close();
      const error = await errorOf(guarded.decode(foreignId()));
      expect(error).to.include({ code: 'REGISTRY_UNAVAILABLE', retriable: true });
    });

    it('asks once for an id that many records share', async () => {
      const decodes = Array.from({ length: 50 }, () => errorOf(guarded.decode(foreignId())));
      const codes = new Set((await Promise.all(decodes)).map(({ code }) => code));
      expect([...codes]).to.deep.equal(['SCHEMA_UNKNOWN']);
      expect(proxy.requests).to.deep.equal([`GET /schemas/ids/${UNKNOWN_ID}`]);
    });

    it('remembers a failure for about five seconds, then asks again', async () => {
      const asked = () => proxy.requests.length;
      const startedMs = performance.now();
      await errorOf(guarded.decode(foreignId()));
      expect(asked()).to.equal(1);
      await waitUntil('the registry is asked again', async () => {
        await errorOf(guarded.decode(foreignId()));
        return asked() > 1;
      });
      expect(performance.now() - startedMs).to.be.within(4_900, 30_000);
    });
  });
});
