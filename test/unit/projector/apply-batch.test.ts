import { expect } from 'chai';
import { pino } from 'pino';
import { ASSIGN_TOPIC } from '../../../contracts/topics.ts';
import { AppError } from '../../../platform/errors.ts';
import type { ConsumedRecord, DecodeResult } from '../../../projector/consumed-record.ts';
import { createApplyBatch, type StoreRecords } from '../../../projector/consumer/apply-batch.ts';
import {
  type PartitionLease,
  PartitionRevoked,
} from '../../../projector/consumer/partition-lease.ts';
import { ZERO_COUNTS } from '../../../projector/projection/disposition-counts.ts';
import type { ApplyOutcome } from '../../../projector/projection/store.ts';
import { couponAssigned } from '../../support/fixtures/sample-events.ts';

/** What the store is asked to do, as text: offsets, and with which reason a record is given up. */
type Asked = string[];

describe('applyBatch', () => {
  it('stores a whole batch at once', async () => {
    const { apply, asked } = applier();
    expect(await apply(10, 14)).to.deep.equal(applied(14, 4));
    expect(asked).to.deep.equal(['10 11 12 13']);
  });

  it('finds a record that breaks a constraint by halves, and applies all others', async () => {
    const { apply, asked } = applier({ constraint: new Set([13]) });
    expect(await apply(10, 18)).to.deep.equal(applied(18, 7, 1));
    expect(asked).to.deep.equal([
      '10 11 12 13 14 15 16 17',
      '10 11 12 13',
      '10 11',
      '12 13',
      '12',
      '13',
      '13:ER_DATA_TOO_LONG/1',
      '14 15 16 17',
    ]);
  });

  it('finds every one of several', async () => {
    const { apply } = applier({ constraint: new Set([10, 11, 16, 19]) });
    expect(await apply(10, 20)).to.deep.equal(applied(20, 6, 4));
  });

  it('tries one that another transaction may have changed once more', async () => {
    const { apply, asked, waits } = applier({ constraint: new Set([10]), code: 'ER_DUP_ENTRY' });
    expect(await apply(10, 11)).to.deep.equal(applied(11, 0, 1));
    expect(asked).to.deep.equal(['10', '10', '10:ER_DUP_ENTRY/2']);
    expect(waits).to.deep.equal([500]);
  });

  it('waits longer and longer while the failure is transient, and gives nothing up', async () => {
    const { apply, asked, waits, stalls } = applier({ transientTimes: 7 });
    expect(await apply(10, 12)).to.deep.equal(applied(12, 2));
    expect(asked).to.deep.equal(new Array(8).fill('10 11'));
    expect(waits).to.deep.equal([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(stalls).to.deep.equal([
      ...new Array(7).fill('coupon-assign/0 stalled'),
      'coupon-assign/0 resumed',
    ]);
  });

  it('gives up what can not be read, in its place in the batch', async () => {
    const { apply, asked } = applier({ unreadable: new Set([11]) });
    expect(await apply(10, 13)).to.deep.equal(applied(13, 2, 1));
    expect(asked).to.deep.equal(['10 11:RECORD_UNREADABLE/1 12']);
  });

  it('asks for an unknown schema five times, for all records of the batch together', async () => {
    const { apply, asked, waits } = applier({ unknownSchema: new Set([10, 12]) });
    expect(await apply(10, 13)).to.deep.equal(applied(13, 1, 2));
    expect(asked).to.deep.equal(['10:SCHEMA_UNKNOWN/5 11 12:SCHEMA_UNKNOWN/5']);
    expect(waits).to.deep.equal([500, 1_000, 2_000, 4_000]);
  });

  it('waits for the registry, for as long as it takes', async () => {
    const { apply, asked, waits } = applier({ registryAwayTimes: 3 });
    expect(await apply(10, 13)).to.deep.equal(applied(13, 3));
    expect(asked).to.deep.equal(['10 11 12']);
    expect(waits).to.deep.equal([1_000, 2_000, 4_000]);
  });

  it('stops at a gap', async () => {
    const gap: ApplyOutcome = { kind: 'gap', nextOffset: 3n };
    const { apply } = applier({ outcome: gap });
    expect(await apply(10, 13)).to.deep.equal(gap);
  });

  it('passes on an unexpected error, with nothing stored after it', async () => {
    const { apply, asked } = applier({ bug: new TypeError('a bug') });
    await expectThrown(apply(10, 13), TypeError);
    expect(asked).to.deep.equal(['10 11 12']);
  });

  it('passes on that a dead letter was not stored: another would not help', async () => {
    const { apply } = applier({ constraint: new Set([10]), evenAsPoison: true });
    const error = await expectThrown(apply(10, 11), Error);
    expect(error).to.have.property('code', 'ER_DATA_TOO_LONG');
  });

  it('passes on that the partition was revoked', async () => {
    const { apply } = applier({ bug: new PartitionRevoked() });
    await expectThrown(apply(10, 13), PartitionRevoked);
  });
});

function applier(
  how: {
    constraint?: Set<number>;
    code?: string;
    evenAsPoison?: boolean;
    unreadable?: Set<number>;
    unknownSchema?: Set<number>;
    transientTimes?: number;
    registryAwayTimes?: number;
    outcome?: ApplyOutcome;
    bug?: Error;
  } = {},
) {
  const asked: Asked = [];
  const waits: number[] = [];
  const stalls: string[] = [];
  let transientTimes = how.transientTimes ?? 0;
  let registryAwayTimes = how.registryAwayTimes ?? 0;
  const store: StoreRecords = async (records) => {
    asked.push(records.map(textOf).join(' '));
    if (how.bug !== undefined) throw how.bug;
    if (how.outcome !== undefined) return how.outcome;
    if (transientTimes > 0) {
      transientTimes -= 1;
      throw Object.assign(new Error('locked'), { code: 'ER_LOCK_DEADLOCK' });
    }
    const isBroken = ({ kind, record }: DecodeResult) =>
      how.constraint?.has(Number(record.offset)) && (kind === 'event' || how.evenAsPoison);
    if (records.some(isBroken)) {
      throw Object.assign(new Error('refused'), { code: how.code ?? 'ER_DATA_TOO_LONG' });
    }
    const dead = records.filter(({ kind }) => kind === 'poison').length;
    const last = records.at(-1)?.record.offset ?? 0n;
    return applied(Number(last) + 1, records.length - dead, dead);
  };
  const decode = async (value: Buffer | null) => {
    const offset = Number(String(value));
    if (registryAwayTimes > 0) {
      registryAwayTimes -= 1;
      throw new AppError('REGISTRY_UNAVAILABLE', 'away', { retriable: true });
    }
    if (how.unreadable?.has(offset)) throw new AppError('RECORD_UNREADABLE', 'garbage');
    if (how.unknownSchema?.has(offset)) throw new AppError('SCHEMA_UNKNOWN', 'no schema');
    const { type, ...event } = couponAssigned(offset);
    return { name: type, event };
  };
  const lease: PartitionLease = {
    during: (work) => work(),
    wait: async (ms) => {
      waits.push(ms);
    },
  };
  const consumerHealth = {
    stalled: (topicPartition: string) => stalls.push(`${topicPartition} stalled`),
    resumed: (topicPartition: string) => stalls.push(`${topicPartition} resumed`),
  };
  const applyBatch = createApplyBatch({
    codec: { decode },
    store,
    consumerHealth,
    logger: pino({ level: 'silent' }),
  });
  const apply = (from: number, to: number) => {
    const records = Array.from({ length: to - from }, (_, index) => recordAt(from + index));
    return applyBatch(records as [ConsumedRecord, ...ConsumedRecord[]], lease);
  };
  return { apply, asked, waits, stalls };
}

function applied(nextOffset: number, count: number, deadLettered = 0): ApplyOutcome {
  const counts = { ...ZERO_COUNTS, applied: count, deadLettered };
  return { kind: 'applied', nextOffset: BigInt(nextOffset), counts };
}

function textOf(decoded: DecodeResult): string {
  const { offset } = decoded.record;
  if (decoded.kind === 'event') return String(offset);
  if (decoded.kind === 'vacant') return `${offset}-${decoded.record.to}`;
  return `${offset}:${decoded.poison.code}/${decoded.poison.attempts}`;
}

function recordAt(offset: number): ConsumedRecord {
  const place = { topic: ASSIGN_TOPIC, partition: 0, offset: BigInt(offset) };
  return { ...place, key: null, value: Buffer.from(String(offset)), headers: {} };
}

async function expectThrown(
  promise: Promise<unknown>,
  kind: new (...args: never[]) => Error,
): Promise<Error> {
  const error = await promise.then(
    () => expect.fail('nothing was thrown'),
    (thrown: Error) => thrown,
  );
  expect(error).to.be.instanceOf(kind);
  return error;
}
