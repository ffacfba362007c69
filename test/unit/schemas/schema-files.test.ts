import { expect } from 'chai';
import { TOPICS_OF_RECORD } from '../../../contracts/event-record.ts';
import { readAvroRecords, readSchemaVersions } from '../../../platform/avro/avro-schemas.ts';

const FOLDER = new URL('../../../schemas/', import.meta.url);

describe('the schema files', () => {
  const versions = readSchemaVersions(FOLDER);

  it('are one per record and version, named after it, counted from 1 without a gap', () => {
    const next = new Map<string, number>();
    for (const { file, version, schema } of versions) {
      const expected = next.get(schema.name) ?? 1;
      expect(version).to.equal(expected);
      expect(file).to.equal(`${toKebabCase(schema.name)}.v${version}.avsc`);
      next.set(schema.name, expected + 1);
    }
  });

  it('are of the namespace firstcome and explain every record and field', () => {
    for (const { file, schema } of versions) {
      expect(schema.namespace, file).to.equal('firstcome');
      expect(schema.doc, file).to.be.a('string').that.is.not.empty;
      for (const field of schema.fields) {
        expect(field.doc, `${file} ${field.name}`).to.be.a('string').that.is.not.empty;
      }
    }
  });

  it('give every field that may be null the default null', () => {
    for (const { file, schema } of versions) {
      for (const field of schema.fields.filter(({ type }) => Array.isArray(type))) {
        expect(field.type, `${file} ${field.name}`).to.include('null');
        expect(field.default, `${file} ${field.name}`).to.equal(null);
      }
    }
  });

  it('hold exactly the records that have a place in a topic', () => {
    const names = readAvroRecords(FOLDER, TOPICS_OF_RECORD).map(({ schema }) => schema.name);
    expect(names).to.have.members(Object.keys(TOPICS_OF_RECORD));
  });
});

function toKebabCase(name: string): string {
  return name.replace(/(?<!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
}
