// Made systems for the verifier: a log, and the Redis, tables, dead letters and clients that go with
// it, all built from the same decisions and not by the code under test.
import fc from 'fast-check';
import type { CouponAssigned, CouponCreated } from '../../../domain/coupon-events.ts';
import type {
  CheckpointRow,
  PartitionFacts,
  RedisCoupon,
  SystemFacts,
} from '../../../verifier/facts.ts';
import { SystemBuilder, type SystemSpec } from './system-builder.ts';

export type System = {
  facts: SystemFacts;
  /** The coupon whose clients kept a ledger. */
  watched: CouponCreated;
  /** Another one, of which user 0 holds two, and which has units left. */
  plain: CouponCreated;
  /** The assignments of `plain`, in the order of their sequence. */
  assigned: CouponAssigned[];
  /** Of `watched`. */
  watchedAssigned: CouponAssigned[];
};

export const systemSpec: fc.Arbitrary<SystemSpec> = fc.record({
  coupons: fc.array(
    fc.record({
      spare: fc.integer({ min: 10, max: 20 }),
      perUserLimit: fc.integer({ min: 2, max: 4 }),
      takers: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 12 }),
    }),
    { minLength: 2, maxLength: 4 },
  ),
  newEpochAfter: fc.option(fc.integer({ min: 0, max: 10 })),
  oddities: fc.array(
    fc.constantFrom('nothing', 'repeat', 'fenced stranger', 'fenced copy', 'unreadable', 'retried'),
    { maxLength: 20 },
  ),
  late: fc.integer({ min: 0, max: 2 }),
  onTheWay: fc.integer({ min: 0, max: 2 }),
});

/** The system of a spec; the same one each time, and shared with nobody. */
export function buildSystem(spec: SystemSpec): System {
  const builder = new SystemBuilder();
  builder.mark(4);
  const coupons = spec.coupons.map((coupon, index) => builder.create(index, coupon));
  // User 0 comes twice, so that every coupon has holders to hurt; nothing odd happens at first.
  const visits = coupons.flatMap((coupon, index) =>
    [0, 0, 6, 7, ...(spec.coupons[index]?.takers ?? [])].map((user, nthOfCoupon) => ({
      coupon,
      user,
      isFirst: nthOfCoupon === 0,
    })),
  );
  let nth = 0;
  for (const { coupon, user, isFirst } of visits) {
    if (nth === spec.newEpochAfter) builder.mark(9);
    if (!builder.assign(coupon, user)) continue;
    if (!isFirst) builder.addOddity(spec.oddities[nth] ?? 'nothing');
    nth += 1;
  }
  builder.project();
  const [watched, plain] = coupons;
  if (watched === undefined || plain === undefined) throw new Error('too few coupons');
  const facts = builder.finish(watched);
  const assignedOf = (couponId: string): CouponAssigned[] =>
    builder.assigned.filter((event) => event.couponId === couponId);
  const system: System = {
    facts,
    watched,
    plain,
    assigned: assignedOf(plain.couponId),
    watchedAssigned: assignedOf(watched.couponId),
  };
  builder.addTraffic(plain, spec);
  return system;
}

/** A partition of a system; there are three of each event topic. */
export function partitionOf(facts: SystemFacts, topic: string, partition: number): PartitionFacts {
  const found = facts.log.find((p) => p.topic === topic && p.partition === partition);
  if (found === undefined) throw new Error(`no ${topic}/${partition}`);
  return found;
}

/** The checkpoint of a partition of a system. */
export function checkpointOf(
  facts: SystemFacts,
  { topic, partition }: PartitionFacts,
): CheckpointRow {
  const found = facts.tables.checkpoints.find(
    (c) => c.topic === topic && c.partition === partition,
  );
  if (found === undefined) throw new Error(`no checkpoint of ${topic}/${partition}`);
  return found;
}

/** Where the event of an id is in the log. */
export function findRecord(
  facts: SystemFacts,
  eventId: string,
): { partition: PartitionFacts; index: number; offset: number } {
  for (const partition of facts.log) {
    const index = partition.records.findIndex(
      ({ event }) => event !== null && event.eventId === eventId,
    );
    const offset = partition.records[index]?.offset;
    if (offset !== undefined) return { partition, index, offset };
  }
  throw new Error(`no event ${eventId}`);
}

/** The coupon in Redis, which is there in a clean system. */
export function redisCouponOf(
  facts: SystemFacts,
  { couponId }: CouponCreated,
): RedisCoupon & { state: NonNullable<RedisCoupon['state']> } {
  const coupon = facts.redis.coupons.get(couponId);
  if (coupon === undefined || coupon.state === null) throw new Error(`no coupon ${couponId}`);
  return { ...coupon, state: coupon.state };
}

/** An id that no event of a system has. */
export function strangeId(): string {
  return 'ffffffff-0000-4000-8000-000000000000';
}
