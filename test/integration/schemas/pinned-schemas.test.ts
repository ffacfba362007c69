import { expect } from 'chai';
import { pinSchemas, requirePinnedIds } from '../../../admin/schemas/pin-schemas.ts';
import { readOwnSchemas, registerSchemas } from '../../../admin/schemas/register-schemas.ts';
import { restoreSchemas } from '../../../admin/schemas/restore-schemas.ts';
import { SCHEMAS_TOPIC } from '../../../contracts/topics.ts';
import { createEventCodec, type EventCodec } from '../../../platform/avro/event-codec.ts';
import { registeredIdsAssumption, schemaIdsAssumption } from '../../../platform/avro/schema-ids.ts';
import { createPinsReader, type ReadSchemaPins } from '../../../platform/avro/schema-pins.ts';
import { errorOf } from '../../support/error-of.ts';
import { couponAssigned, couponCreated } from '../../support/fixtures/sample-events.ts';
import { type OwnRegistry, startOwnRegistry } from '../../support/servers/own-registry.ts';
import { registerAnything } from '../../support/servers/test-registry.ts';
import { createRebuildSystem, type RebuildSystem } from '../redis-rebuild/rebuild-system.ts';

describe('A registry that lost everything', () => {
  const schemas = readOwnSchemas();
  let system: RebuildSystem;
  let lost: OwnRegistry;
  let filled: OwnRegistry;
  let pins: ReadSchemaPins;
  const partsWith = ({ url }: OwnRegistry) => ({
    ...{ kafka: system.events.kafka, registry: { url }, topicPrefix: system.events.topicPrefix },
  });
  const codecWith = ({ url }: OwnRegistry): Promise<EventCodec> =>
    createEventCodec({
      ...{ registry: { url }, topicPrefix: system.events.topicPrefix, schemas, pins },
    });

  before(async function () {
    this.timeout(240_000);
    [system, lost, filled] = await Promise.all([
      createRebuildSystem(),
      startOwnRegistry(),
      startOwnRegistry(),
    ]);
    pins = createPinsReader(system.events.kafka, system.events.topicPrefix + SCHEMAS_TOPIC);
    const { epoch } = await system.rebuild();
    await system.append([couponCreated({ epoch }), couponAssigned(1, { epoch })]);
  });
  after(async function () {
    this.timeout(240_000);
    await Promise.all([lost?.close(), filled?.close()]);
    await system?.close();
  });

  const expectWholeRebuild = async (registry: OwnRegistry): Promise<void> => {
    await system.wipe();
    const codec = await codecWith(registry);
    expect(await system.rebuild({ codec })).to.include({ coupons: 1, assignments: 1 });
  };
  const lowestPinnedId = async (): Promise<number> =>
    Math.min(...(await pins()).map(({ schemaId }) => schemaId));

  it('changes nothing in what is read and written: the log pins its ids', async () => {
    await expectWholeRebuild(lost);
  });

  it('is warned of, and migrate refuses to fill it with other ids', async () => {
    const { registry } = partsWith(lost);
    expect(await registeredIdsAssumption(registry, pins).look()).to.include({ kind: 'broken' });
    const error = await errorOf(requirePinnedIds(partsWith(lost)));
    expect(error).to.include({ code: 'SCHEMA_MISMATCH', retriable: false });
    expect(error.message).to.contain('firstcome schemas restore');
  });

  it('keeps no gate closed while it does not answer at all, and is warned of', async () => {
    const away = { url: 'http://127.0.0.1:9/apis/ccompat/v7' };
    expect(await schemaIdsAssumption(away, pins).look()).to.deep.equal({ kind: 'holds' });
    const error = await errorOf(registeredIdsAssumption(away, pins).look());
    expect(error).to.include({ code: 'REGISTRY_UNAVAILABLE' });
  });

  it('is restored with the same ids under the same subjects, versions and levels', async () => {
    const { registry, topicPrefix } = partsWith(lost);
    const ids = new Set((await pins()).map(({ schemaId }) => schemaId));
    const expected = { pinned: ids.size, restored: ids.size };
    expect(await restoreSchemas(partsWith(lost))).to.deep.equal(expected);
    expect(await restoreSchemas(partsWith(lost))).to.deep.equal({ ...expected, restored: 0 });
    await requirePinnedIds(partsWith(lost));
    expect(await registeredIdsAssumption(registry, pins).look()).to.deep.equal({ kind: 'holds' });
    expect(await schemaIdsAssumption(registry, pins).look()).to.deep.equal({ kind: 'holds' });
    const reports = await registerSchemas(registry, topicPrefix, schemas);
    expect(new Set(reports.map(({ kind }) => kind))).to.deep.equal(new Set(['existing']));
    expect(new Set(reports.map(({ id }) => id))).to.deep.equal(ids);
    expect(await pinSchemas(partsWith(lost), reports)).to.equal(0);
    await expectWholeRebuild(lost);
  });

  it('closes the gate once it was filled with other schemas under these ids, and is read right all the same', async () => {
    const { registry, topicPrefix } = partsWith(filled);
    const lowest = await lowestPinnedId();
    for (let id = 0, n = 0; id < lowest; n += 1) {
      const schema = { type: 'record', name: `Another${n}`, fields: [] };
      id = await registerAnything(`another-${n}`, schema, 'AVRO', filled.url);
    }
    await registerSchemas(registry, topicPrefix, schemas);
    const assumption = schemaIdsAssumption(registry, pins);
    expect(assumption.severity).to.equal('closes');
    const finding = await assumption.look();
    expect(finding.kind === 'broken' && finding.reason).to.match(new RegExp(`\\b${lowest}\\b`));
    for (const refusal of [requirePinnedIds, restoreSchemas]) {
      const error = await errorOf(refusal(partsWith(filled)));
      expect(error).to.include({ code: 'SCHEMA_MISMATCH', retriable: false });
      expect(error.message).to.contain('empty it');
    }
    await expectWholeRebuild(filled);
  });
});
