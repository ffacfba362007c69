import { expect } from 'chai';
import { readOwnSchemas } from '../../../admin/schemas/register-schemas.ts';
import { SCHEMAS_TOPIC } from '../../../contracts/topics.ts';
import { createEventCodec, type EventCodec } from '../../../platform/avro/event-codec.ts';
import { createPinsReader } from '../../../platform/avro/schema-pins.ts';
import type { AppError } from '../../../platform/errors.ts';
import { takeSnapshot } from '../../../redis-rebuild/snapshot/take-snapshot.ts';
import { errorOf } from '../../support/error-of.ts';
import { couponAssigned, couponCreated } from '../../support/fixtures/sample-events.ts';
import { createRebuildSystem, type RebuildSystem } from './rebuild-system.ts';

describe('Rebuilding Redis while an older version runs beside a newer one', () => {
  let system: RebuildSystem;
  /** Of a version that does not know assignments yet. */
  let old: EventCodec;

  beforeEach(async function () {
    this.timeout(180_000);
    system = await createRebuildSystem();
    const { kafka, topicPrefix, registryUrl } = system.events;
    old = await createEventCodec({
      ...{ registry: { url: registryUrl }, topicPrefix },
      schemas: readOwnSchemas().filter(({ schema }) => schema.name !== 'CouponAssigned'),
      pins: createPinsReader(kafka, topicPrefix + SCHEMAS_TOPIC),
    });
  });
  afterEach(async function () {
    this.timeout(180_000);
    await system?.close();
  });

  it('is done by the older one as long as the log holds nothing that is newer', async () => {
    const { epoch } = await system.rebuild();
    await system.append([couponCreated({ epoch })]);
    expect(await system.attempt({ codec: old })).to.include({ kind: 'rebuilt', coupons: 1 });
    expect(await system.rebuild()).to.include({ coupons: 1 });
  });

  it('is left to the newer one after that: the older one does not even ask for the lock', async () => {
    const { epoch } = await system.rebuild();
    await system.append([couponCreated({ epoch }), couponAssigned(1, { epoch })]);
    await system.wipe();
    await system.redis.set(system.keys.rebuildLock, 'of the newer one', 'PX', 60_000);
    const error = (await errorOf(system.attempt({ codec: old }))) as AppError;
    expect(error).to.include({ code: 'RECORD_UNREADABLE' });
    expect(error.message).to.contain('A newer version has to rebuild').and.not.contain('discard');
    expect(await system.gate()).to.deep.equal({});
    await system.redis.del(system.keys.rebuildLock);
    expect(await system.rebuild()).to.include({ coupons: 1, assignments: 1, discarded: 0 });
    const next = await errorOf(system.attempt({ codec: old }));
    expect(next).to.include({ code: 'RECORD_UNREADABLE' });
    expect(await system.gate()).to.include({ epoch: `${epoch + 1}` });
  });

  it('has no snapshot of the older one that lacks what is newer', async () => {
    const { epoch } = await system.rebuild();
    await system.append([couponCreated({ epoch }), couponAssigned(1, { epoch })]);
    const result = await takeSnapshot({
      ...{ ...system.events, codec: old, minRecords: 0, report: () => undefined },
      signal: new AbortController().signal,
    });
    expect(result.kind === 'taken' && result.stoppedAt).to.have.lengthOf(1);
    await system.wipe();
    expect(await system.rebuild()).to.include({ coupons: 1, assignments: 1 });
  });
});
