import { randomUUID } from 'node:crypto';
import avro from 'avsc';
import { expect } from 'chai';
import fc from 'fast-check';
import { readOwnSchemas } from '../../../admin/schemas/register-schemas.ts';
import type { SnapshotChunk } from '../../../contracts/snapshot.ts';
import type { CouponAssigned, CouponCreated, CouponEvent } from '../../../domain/coupon-events.ts';
import { countEvent, emptyFold, type LogFold } from '../../../redis-rebuild/fold/fold.ts';
import { chunksOf, countCoupon } from '../../../redis-rebuild/snapshot/snapshot-chunks.ts';
import { anyCouponAssigned, anyCouponCreated } from '../../support/fixtures/arbitraries.ts';

const CHUNK_BYTES = 2_000;

/** Assignments of few users and few coupons, some of which were never created. */
const history = fc
  .record({
    created: fc.array(anyCouponCreated, { minLength: 1, maxLength: 4 }),
    assigned: fc.array(
      fc.record({ event: anyCouponAssigned, coupon: fc.nat(7), user: fc.nat(3) }),
      {
        maxLength: 60,
      },
    ),
  })
  .map(({ created, assigned }): CouponEvent[] => [
    ...assigned.map(({ event, coupon, user }): CouponAssigned => {
      const couponId = created[coupon]?.couponId ?? `${coupon}`.padStart(8, '0').concat(TAIL);
      return { ...event, couponId, userId: user === 0 ? event.userId : `사용자 ${user} 🎟️` };
    }),
    ...created.map((event): CouponCreated => ({ ...event, perUserLimit: 3 })),
  ]);
const TAIL = '-0000-4000-8000-000000000000';

function foldOf(events: readonly CouponEvent[]): LogFold {
  const fold = emptyFold([]);
  for (const event of events) countEvent(fold, { ...event });
  return fold;
}

describe('a fold as the chunks of a snapshot', () => {
  const schema = readOwnSchemas().find((record) => record.schema.name === 'SnapshotChunk')?.schema;
  const type = avro.Type.forSchema(schema as avro.Schema, { omitRecordMethods: true });
  /** Through bytes, as Kafka gives it back. */
  const written = (chunk: SnapshotChunk): Buffer => type.toBuffer(chunk);
  const carried = (bytes: Buffer): SnapshotChunk => type.fromBuffer(bytes);

  it('comes back as it was, whatever its coupons, users, titles and keys', () => {
    fc.assert(
      fc.property(history, (events) => {
        const fold = foldOf(events);
        const again = emptyFold([]);
        for (const chunk of chunksOf(fold.coupons, randomUUID(), CHUNK_BYTES)) {
          for (const coupon of carried(written(chunk)).coupons) countCoupon(again, coupon);
        }
        expect(again).to.deep.equal(fold);
      }),
      { numRuns: 200 },
    );
  });

  it('is in chunks that stay below their size, unless one event alone is larger, and count from 0', () => {
    fc.assert(
      fc.property(history, (events) => {
        const chunks = [...chunksOf(foldOf(events).coupons, randomUUID(), CHUNK_BYTES)];
        expect(chunks.map(({ index }) => index)).to.deep.equal(chunks.map((_, index) => index));
        for (const chunk of chunks) {
          const count = chunk.coupons.flatMap(({ created, assignments }) => [
            ...(created === null ? [] : [created]),
            ...assignments,
          ]).length;
          expect(count).to.be.at.least(1);
          if (count > 1) expect(written(chunk).length).to.be.at.most(CHUNK_BYTES + FRAME);
        }
      }),
    );
  });

  it('takes a chunk twice like once', () => {
    fc.assert(
      fc.property(history, (events) => {
        const fold = foldOf(events);
        const again = emptyFold([]);
        for (const chunk of chunksOf(fold.coupons)) {
          for (const coupon of [...chunk.coupons, ...chunk.coupons]) countCoupon(again, coupon);
        }
        expect(again).to.deep.equal(fold);
      }),
    );
  });

  it('of nothing is no chunk', () => {
    expect([...chunksOf(new Map())]).to.deep.equal([]);
  });
});

/** The snapshot's id, the index and the ends of lists. */
const FRAME = 60;
