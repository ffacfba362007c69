import { expect } from 'chai';
import { type RecordSchema, readSchemaVersions } from '../../../platform/avro/avro-schemas.ts';
import { whyUnreadable } from '../../support/fixtures/schema-compatibility.ts';

const VERSIONS = readSchemaVersions(new URL('../../../schemas/', import.meta.url));

const BASE: RecordSchema = {
  type: 'record',
  namespace: 'firstcome',
  name: 'Sample',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'count', type: 'int' },
    { name: 'note', type: ['null', 'string'], default: null },
  ],
};

describe('the versions of a record', () => {
  it('each read what every other version wrote', () => {
    for (const writer of VERSIONS) {
      for (const reader of VERSIONS.filter(({ schema }) => schema.name === writer.schema.name)) {
        const reason = whyUnreadable(writer.schema, reader.schema);
        expect(reason, `${reader.file} reads ${writer.file}`).to.equal(null);
      }
    }
  });
});

describe('the comparison of two versions', () => {
  const withFields = (fields: RecordSchema['fields']): RecordSchema => ({ ...BASE, fields });
  const bothWays = (other: RecordSchema): (string | null)[] => [
    whyUnreadable(BASE, other),
    whyUnreadable(other, BASE),
  ];

  it('accepts a new field with a default', () => {
    const next = withFields([...BASE.fields, { name: 'more', type: 'long', default: 0 }]);
    expect(bothWays(next)).to.deep.equal([null, null]);
  });

  it('accepts that a field with a default goes', () => {
    expect(bothWays(withFields(BASE.fields.slice(0, 2)))).to.deep.equal([null, null]);
  });

  it('finds a new field without a default', () => {
    const next = withFields([...BASE.fields, { name: 'more', type: 'long' }]);
    expect(bothWays(next)[0]).to.contain('more');
  });

  it('finds that a field without a default goes', () => {
    expect(bothWays(withFields(BASE.fields.slice(1)))[1]).to.contain('id');
  });

  it('finds a changed type, also where only one direction breaks', () => {
    const wider = BASE.fields.map((f) => (f.name === 'count' ? { ...f, type: 'long' } : f));
    expect(bothWays(withFields(wider)).filter((reason) => reason !== null)).to.have.length(1);
    const other = BASE.fields.map((f) => (f.name === 'count' ? { ...f, type: 'string' } : f));
    expect(bothWays(withFields(other)).filter((reason) => reason !== null)).to.have.length(2);
  });

  it('finds another record name', () => {
    expect(bothWays({ ...BASE, name: 'Other' })[0]).to.be.a('string');
  });
});
