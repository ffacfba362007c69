import { expect } from 'chai';
import fc from 'fast-check';
import { ASSIGN_TOPIC, deadLetterTopicOf, LIFECYCLE_TOPIC } from '../../../contracts/topics.ts';
import type { CouponAssigned, LogEvent } from '../../../domain/coupon-events.ts';
import type { ConsumedRecord, DecodeResult } from '../../../projector/consumed-record.ts';
import { type Projection, project } from '../../../projector/projection/project.ts';
import { couponAssigned, couponCreated, NOW } from '../../support/fixtures/sample-events.ts';

const ZERO_COUNTS = {
  coupons: [],
  assignments: [],
  repeated: 0,
  fenced: 0,
  markers: 0,
  deadLetters: [],
  highestMarker: 0,
};

describe('project', () => {
  it('makes nothing of no records', () => {
    expect(project(ASSIGN_TOPIC, [], 0)).to.deep.equal(ZERO_COUNTS);
  });

  it('takes coupons and assignments in the order of the log', () => {
    const coupon = couponCreated();
    expect(project(LIFECYCLE_TOPIC, read(coupon), 0)).to.deep.equal({
      ...ZERO_COUNTS,
      coupons: [{ event: coupon, applied: { partition: 0, offset: 0 } }],
    });
    const assignments = [2, 1, 3].map((sequence) => couponAssigned(sequence));
    expect(project(ASSIGN_TOPIC, read(...assignments), 0)).to.deep.equal({
      ...ZERO_COUNTS,
      assignments: assignments.map((event, offset) => ({
        event,
        applied: { partition: 0, offset },
      })),
    });
  });

  it('takes what comes from a dead letter topic as applied there', () => {
    const records = read(couponAssigned(1)).map(({ record, ...rest }) => ({
      ...rest,
      record: { ...record, topic: deadLetterTopicOf(ASSIGN_TOPIC), partition: 2, offset: 5n },
    })) as DecodeResult[];
    const [assignment] = project(ASSIGN_TOPIC, records, 0).assignments;
    expect(assignment?.applied).to.deep.equal({ partition: -3, offset: 5 });
  });

  it('takes an event that comes twice once', () => {
    const event = couponAssigned(1);
    const projection = project(ASSIGN_TOPIC, read(event, couponAssigned(2), event, event), 0);
    expect(eventsOf(projection)).to.deep.equal([event, couponAssigned(2)]);
    expect(projection.repeated).to.equal(2);
  });

  it('voids everything before the first marker', () => {
    const projection = project(
      ASSIGN_TOPIC,
      read(couponAssigned(1), marker(0), couponAssigned(2)),
      null,
    );
    expect(projection).to.deep.equal({
      ...ZERO_COUNTS,
      assignments: [{ event: couponAssigned(2), applied: { partition: 0, offset: 2 } }],
      fenced: 1,
      markers: 1,
    });
  });

  it('voids an older epoch after a marker, and not before it', () => {
    const events = [couponAssigned(1, { epoch: 4 }), marker(5), couponAssigned(2, { epoch: 4 })];
    const projection = project(ASSIGN_TOPIC, read(...events), 4);
    expect(eventsOf(projection)).to.deep.equal([events[0]]);
    expect(projection).to.include({ fenced: 1, markers: 1, highestMarker: 5 });
  });

  it('keeps the highest marker when a lower one comes late', () => {
    const projection = project(ASSIGN_TOPIC, read(marker(3), couponAssigned(1, { epoch: 4 })), 5);
    expect(projection).to.deep.equal({ ...ZERO_COUNTS, fenced: 1, markers: 1, highestMarker: 5 });
  });

  it('takes the valid copy of an event whose fenced copy came first', () => {
    const valid = couponAssigned(1, { epoch: 7 });
    const projection = project(ASSIGN_TOPIC, read({ ...valid, epoch: 6 }, valid), 7);
    expect(projection).to.deep.equal({
      ...ZERO_COUNTS,
      assignments: [{ event: valid, applied: { partition: 0, offset: 1 } }],
      fenced: 1,
      highestMarker: 7,
    });
  });

  it('gives up what could not be read, with the marker of its place', () => {
    const record = recordAt(1);
    const poison = { code: 'RECORD_UNREADABLE', reason: 'garbage', attempts: 1 };
    const readings: DecodeResult[] = [
      ...read(marker(3)),
      { kind: 'poison', record, poison },
      ...read(marker(4)),
    ];
    expect(project(ASSIGN_TOPIC, readings, null)).to.deep.equal({
      ...ZERO_COUNTS,
      markers: 2,
      highestMarker: 4,
      deadLetters: [{ record, poison, highestMarker: 3 }],
    });
  });

  for (const [topic, event] of [
    [ASSIGN_TOPIC, couponCreated()],
    [LIFECYCLE_TOPIC, couponAssigned(1)],
    ['another-topic', marker(0)],
  ] as const) {
    it(`gives up a ${event.type} in ${topic}`, () => {
      const { deadLetters, ...rest } = project(topic, read(event), 0);
      const { deadLetters: _none, ...nothing } = ZERO_COUNTS;
      expect(rest).to.deep.equal(nothing);
      expect(deadLetters).to.have.length(1);
      expect(deadLetters[0]?.poison).to.include({ code: 'RECORD_REJECTED', attempts: 1 });
    });
  }

  for (const [topic, event] of [
    [ASSIGN_TOPIC, couponAssigned(1, { occurredAt: Date.UTC(10_000, 0) })],
    [LIFECYCLE_TOPIC, couponCreated({ occurredAt: Number.MAX_SAFE_INTEGER })],
    [LIFECYCLE_TOPIC, couponCreated({ endDate: Date.UTC(10_000, 0) })],
  ] as const) {
    it(`gives up a ${event.type} with a time that no table can hold`, () => {
      const { deadLetters } = project(topic, read(event), 0);
      expect(deadLetters[0]?.poison.reason).to.match(/past the year 9999/);
    });
  }

  it('takes a marker whatever its time is: to miss it would be worse', () => {
    const late = { ...marker(9), occurredAt: Number.MAX_SAFE_INTEGER };
    expect(project(ASSIGN_TOPIC, read(late), 0)).to.include({ markers: 1, highestMarker: 9 });
  });

  it('puts every record into exactly one part, however the stretch is cut', () => {
    const anyEvent = fc.oneof(
      fc
        .record({ sequence: fc.integer({ min: 1, max: 6 }), epoch: fc.integer({ min: 0, max: 4 }) })
        .map(({ sequence, epoch }) => couponAssigned(sequence, { epoch })),
      fc.integer({ min: 0, max: 4 }).map(marker),
      fc.constant(couponCreated()),
    );
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 30 }), fc.nat(30), (events, cut) => {
        const whole = project(ASSIGN_TOPIC, read(...events), null);
        const parts = [whole.assignments, whole.coupons, whole.deadLetters].flat().length;
        expect(parts + whole.repeated + whole.fenced + whole.markers).to.equal(events.length);
        const first = project(ASSIGN_TOPIC, read(...events.slice(0, cut)), null);
        const second = project(ASSIGN_TOPIC, read(...events.slice(cut)), first.highestMarker);
        expect(second.highestMarker).to.equal(whole.highestMarker);
        expect(first.fenced + second.fenced).to.equal(whole.fenced);
        const ids = [...eventsOf(first), ...eventsOf(second)].map(({ eventId }) => eventId);
        expect([...new Set(ids)]).to.deep.equal(eventsOf(whole).map(({ eventId }) => eventId));
      }),
    );
  });
});

function eventsOf({ assignments }: Projection): CouponAssigned[] {
  return assignments.map(({ event }) => event);
}

function read(...events: LogEvent[]): DecodeResult[] {
  return events.map((event, index) => ({ kind: 'event', record: recordAt(index), event }));
}

function recordAt(offset: number): ConsumedRecord {
  const place = { topic: ASSIGN_TOPIC, partition: 0, offset: BigInt(offset) };
  return { ...place, key: null, value: Buffer.from('bytes'), headers: {} };
}

function marker(epoch: number): LogEvent {
  const eventId = 'e0e0e0e0-0000-4000-8000-000000000001';
  return { type: 'EpochStarted', eventId, epoch, occurredAt: NOW };
}
