import { expect } from 'chai';
import { checkSchemas } from '../../../admin/schemas/check-schemas.ts';
import { readOwnSchemas, registerSchemas } from '../../../admin/schemas/register-schemas.ts';
import { createRegistryApi } from '../../../admin/schemas/registry-api.ts';
import {
  type AvroRecord,
  type RecordSchema,
  readSchemaVersions,
  subjectOf,
} from '../../../platform/avro/avro-schemas.ts';
import { errorOf } from '../../support/error-of.ts';
import { randomName } from '../../support/random-name.ts';
import { registerAnything } from '../../support/servers/test-registry.ts';
import { addressOf } from '../../support/system/addresses.ts';
import { deleteSubjects } from '../../support/system/topics.ts';

const BASE: RecordSchema = {
  type: 'record',
  namespace: 'firstcome',
  name: 'Sample',
  fields: [{ name: 'count', type: 'int' }],
};
const CHANGED: RecordSchema = { ...BASE, fields: [{ name: 'count', type: 'string' }] };
const NEXT: RecordSchema = {
  ...BASE,
  fields: [...BASE.fields, { name: 'more', type: 'int', default: 0 }],
};
const AFTER_NEXT: RecordSchema = { ...BASE, fields: [{ name: 'more', type: 'int', default: 0 }] };

describe('registering schemas', () => {
  const registryUrl = addressOf('SCHEMA_REGISTRY_URL');
  const registry = createRegistryApi({ url: registryUrl });
  let prefix: string;
  beforeEach(() => {
    prefix = `${randomName('reg')}-`;
  });
  afterEach(() => deleteSubjects(prefix));

  const inTopic = (schema: RecordSchema): AvroRecord[] => [{ topics: ['topic'], schema }];
  const register = (schema: RecordSchema) =>
    registerSchemas({ url: registryUrl }, prefix, inTopic(schema));
  const subject = (): string => subjectOf(`${prefix}topic`, BASE);

  it('registers every record under every topic it may be in, FULL_TRANSITIVE', async () => {
    const reports = await registerSchemas({ url: registryUrl }, prefix, readOwnSchemas());
    expect(reports.map((report) => report.subject)).to.have.members([
      `${prefix}coupon-lifecycle-firstcome.CouponCreated`,
      `${prefix}coupon-assign-firstcome.CouponAssigned`,
      `${prefix}coupon-lifecycle-firstcome.EpochStarted`,
      `${prefix}coupon-assign-firstcome.EpochStarted`,
      `${prefix}coupon-epochs-firstcome.EpochClaimed`,
      `${prefix}coupon-snapshots-firstcome.SnapshotChunk`,
      `${prefix}coupon-snapshots-firstcome.SnapshotCompleted`,
    ]);
    for (const report of reports) {
      expect(report).to.include({ kind: 'registered', version: 1 });
      expect(await registry.levelOf(report.subject)).to.equal('FULL_TRANSITIVE');
    }
  });

  it('changes nothing the second time', async () => {
    const first = await register(BASE);
    const second = await register(BASE);
    expect(second).to.deep.equal(first.map((report) => ({ ...report, kind: 'existing' })));
    expect(await registry.versions(subject())).to.deep.equal([1]);
  });

  it('adds a compatible version', async () => {
    await register(BASE);
    expect((await register(NEXT))[0]).to.include({ kind: 'registered', version: 2 });
  });

  it('refuses an incompatible version with the reason of the registry', async () => {
    await register(BASE);
    const error = await errorOf(register(CHANGED));
    expect(error).to.include({ code: 'SCHEMA_INCOMPATIBLE', retriable: false });
    expect(error.message).to.contain(subject()).and.to.contain('/fields/0/type');
    expect(await registry.versions(subject())).to.deep.equal([1]);
  });

  it('refuses a version that only an older one than the newest contradicts', async () => {
    await register(BASE);
    await register(NEXT);
    // Without `count`, which version 1 demands: FULL would look at version 2 alone.
    expect(await errorOf(register(AFTER_NEXT))).to.include({ code: 'SCHEMA_INCOMPATIBLE' });
  });

  it('sets the level of a subject that was registered with none', async () => {
    await registerAnything(subject(), BASE);
    expect(await registry.levelOf(subject())).not.to.equal('FULL_TRANSITIVE');
    expect((await register(BASE))[0]).to.include({ kind: 'existing', version: 1 });
    expect(await registry.levelOf(subject())).to.equal('FULL_TRANSITIVE');
    expect(await errorOf(register(CHANGED))).to.include({ code: 'SCHEMA_INCOMPATIBLE' });
  });

  it('raises the level of a subject that has a weaker one', async () => {
    await register(BASE);
    await registry.setLevel(subject(), 'BACKWARD');
    await register(NEXT);
    expect(await registry.levelOf(subject())).to.equal('FULL_TRANSITIVE');
  });

  it('takes every version of this repository in order, as a registry grows', async () => {
    for (const { schema, version, file } of readSchemaVersions(
      new URL('../../../schemas/', import.meta.url),
    )) {
      const [report] = await register(schema);
      expect(report, file).to.include({ kind: 'registered', version });
    }
  });

  it('says that the registry is away', async () => {
    const error = await errorOf(
      registerSchemas({ url: 'http://127.0.0.1:9/x' }, prefix, inTopic(BASE)),
    );
    expect(error).to.include({ code: 'REGISTRY_UNAVAILABLE', retriable: true });
  });

  describe('and checking them', () => {
    const check = async (schema: RecordSchema) =>
      (await checkSchemas(registry, prefix, inTopic(schema)))[0];

    it('finds nothing wrong after they were registered', async () => {
      await register(BASE);
      expect((await check(BASE))?.faults).to.deep.equal([]);
    });

    it('finds what is not registered', async () => {
      expect((await check(BASE))?.faults).to.deep.equal(['not registered']);
      await register(BASE);
      expect((await check(NEXT))?.faults).to.deep.equal(['not registered']);
    });

    it('finds what is not compatible', async () => {
      await register(BASE);
      expect((await check(CHANGED))?.faults).to.include('not compatible with version 1');
    });

    it('finds a weaker level', async () => {
      await register(BASE);
      await registry.setLevel(subject(), 'NONE');
      expect((await check(BASE))?.faults).to.deep.equal(['compatibility is NONE']);
    });
  });
});
