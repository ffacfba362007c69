import avro from 'avsc';
import { expect } from 'chai';
import fc from 'fast-check';
import { recordNameOf, TOPICS_OF_RECORD, toLogEvent } from '../../../contracts/event-record.ts';
import { SNAPSHOTS_TOPIC } from '../../../contracts/topics.ts';
import type { EpochClaimed, LogEvent } from '../../../domain/coupon-events.ts';
import { readAvroRecords } from '../../../platform/avro/avro-schemas.ts';
import {
  anyCouponAssigned,
  anyCouponCreated,
  anyEpochClaimed,
  anyEpochStarted,
} from '../../support/fixtures/arbitraries.ts';

const UUID = { type: 'string', logicalType: 'uuid' } as const;
const TIME = { type: 'long', logicalType: 'timestamp-millis' } as const;
const NULLABLE_TEXT = ['null', 'string'] as const;

type AvroTypeOf<T> = T extends number
  ? 'int' | 'long' | typeof TIME
  : null extends T
    ? typeof NULLABLE_TEXT
    : 'string' | typeof UUID;
type FieldTable<E> = { [K in Exclude<keyof E, 'type'>]-?: AvroTypeOf<Required<E>[K]> };
type AnyEvent = LogEvent | EpochClaimed;

// The compiler compares this table with the TypeScript union, the test below with the schemas.
const FIELDS: { [E in AnyEvent as E['type']]: FieldTable<E> } = {
  CouponCreated: {
    eventId: UUID,
    epoch: 'long',
    occurredAt: TIME,
    idempotencyKey: NULLABLE_TEXT,
    requestHash: NULLABLE_TEXT,
    couponId: UUID,
    title: 'string',
    quantity: 'int',
    startDate: TIME,
    endDate: TIME,
    perUserLimit: 'int',
  },
  CouponAssigned: {
    eventId: UUID,
    epoch: 'long',
    occurredAt: TIME,
    idempotencyKey: NULLABLE_TEXT,
    requestHash: NULLABLE_TEXT,
    assignmentId: UUID,
    couponId: UUID,
    userId: 'string',
    sequence: 'long',
    nthOfUser: 'int',
  },
  EpochStarted: { eventId: UUID, epoch: 'long', occurredAt: TIME },
  EpochClaimed: { claimedBy: 'string', claimedAt: TIME, partitions: 'string' },
};

describe('the events in TypeScript and in Avro', () => {
  const records = readAvroRecords(new URL('../../../schemas/', import.meta.url), TOPICS_OF_RECORD);
  // Those of snapshots hold these events again: test/unit/rebuild carries them over.
  const ofEvents = records.filter(({ topics }) => !topics.includes(SNAPSHOTS_TOPIC));
  const typeOf = (name: string): avro.Type => {
    const record = records.find(({ schema }) => schema.name === name);
    return avro.Type.forSchema(record?.schema as avro.Schema);
  };

  it('have the same names, fields and types', () => {
    const inAvro = Object.fromEntries(
      ofEvents.map(({ schema }) => [
        schema.name,
        Object.fromEntries(schema.fields.map(({ name, type }) => [name, type])),
      ]),
    );
    expect(inAvro).to.deep.equal(FIELDS);
  });

  it('carry every event of the log over unchanged, whatever its texts and numbers', () => {
    fc.assert(
      fc.property(
        fc.oneof(anyCouponCreated, anyCouponAssigned, anyEpochStarted),
        (event: LogEvent) => {
          const type = typeOf(recordNameOf(event));
          const decoded = type.fromBuffer(type.toBuffer(event)) as Record<string, unknown>;
          expect(toLogEvent(recordNameOf(event), decoded)).to.deep.equal(event);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('carry every claim over unchanged', () => {
    const type = typeOf('EpochClaimed');
    fc.assert(
      fc.property(anyEpochClaimed, (claim) => {
        const { type: _name, ...fields } = claim;
        expect({ ...type.fromBuffer(type.toBuffer(claim)) }).to.deep.equal(fields);
      }),
    );
  });
});
