import { readFileSync } from 'node:fs';
import avro from 'avsc';
import { expect } from 'chai';
import { TOPICS_OF_RECORD, toLogEvent } from '../../../contracts/event-record.ts';
import { TOPIC_LAYOUT } from '../../../contracts/topic-layout.ts';
import { EVENT_TOPICS } from '../../../contracts/topics.ts';
import {
  type FieldType,
  type RecordSchema,
  readAvroRecords,
} from '../../../platform/avro/avro-schemas.ts';

const DOCUMENT = readFileSync(new URL('../../../docs/events.md', import.meta.url), 'utf8');

describe('docs/events.md', () => {
  const records = readAvroRecords(new URL('../../../schemas/', import.meta.url), TOPICS_OF_RECORD);
  const sections = new Map(
    DOCUMENT.split(/^## /m).map((section) => [section.split('\n')[0] ?? '', section]),
  );
  const sectionOf = (name: string): string => sections.get(name) ?? '';
  const rowsOf = (section: string): string[][] =>
    section
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .slice(2)
      .map((line) =>
        line
          .split('|')
          .map((cell) => cell.trim())
          .slice(1, -1),
      );

  it('lists every topic with its partitions, and what it holds', () => {
    const rows = rowsOf(sectionOf('Topics'));
    expect(rows.map(([topic, partitions]) => [topic, partitions])).to.deep.equal(
      TOPIC_LAYOUT.map(({ topic, partitions }) => [`\`${topic}\``, String(partitions)]),
    );
    const ofEvents = rows.filter(([, , , holds = '']) => !/^(JSON|records)\b/.test(holds));
    for (const [topic = '', , , holds = ''] of ofEvents) {
      const named = records.filter(({ topics }) => topics.some((name) => topic === `\`${name}\``));
      expect(holds.split(', '), topic).to.have.members(named.map(({ schema }) => schema.name));
    }
  });

  for (const { schema, topics } of records) {
    it(`describes ${schema.name} and each of its fields as the schema does`, () => {
      const section = sectionOf(schema.name);
      expect(section).to.contain(schema.doc);
      expect(rowsOf(section)).to.deep.equal(
        fieldsIn(schema).map(({ name, type, doc }) => [`\`${name}\``, sayType(type), doc]),
      );
      const topicLine = /\*\*Topic:\*\* (.*)/.exec(section)?.[1] ?? '';
      expect([...topicLine.matchAll(/`([^`]+)`/g)].map(([, topic]) => topic)).to.deep.equal(topics);
      for (const label of ['Key', 'Emitted by', 'Read by']) {
        expect(section).to.match(new RegExp(`\\*\\*${label}:\\*\\* \\S`));
      }
    });

    it(`shows a ${schema.name} that can be written and read`, () => {
      const example = JSON.parse(/```json\n([\s\S]*?)```/.exec(sectionOf(schema.name))?.[1] ?? '');
      const type = avro.Type.forSchema(schema as avro.Schema);
      expect(type.isValid(example, { noUndeclaredFields: true })).to.equal(true);
      if (isEvent(topics)) toLogEvent(schema.name, example);
    });
  }

  it('describes no record that is not there', () => {
    const described = [...sections.keys()].filter((name) => /^(Coupon|Epoch|Snapshot)/.test(name));
    expect(described).to.have.members(Object.keys(TOPICS_OF_RECORD));
  });
});

type Field = RecordSchema['fields'][number];

/** Every field, each followed by those of the records that it holds. */
function fieldsIn({ fields }: Pick<RecordSchema, 'fields'>, path = ''): Field[] {
  return fields.flatMap((field) => [
    { ...field, name: `${path}${field.name}` },
    ...recordsIn(field.type).flatMap((record) => fieldsIn(record, `${path}${field.name}.`)),
  ]);
}

function recordsIn(type: FieldType): Pick<RecordSchema, 'fields'>[] {
  if (typeof type === 'string') return [];
  if (Array.isArray(type)) return type.flatMap(recordsIn);
  if ('fields' in type) return [type];
  return 'items' in type ? [type.items] : [];
}

function isEvent(topics: readonly string[]): boolean {
  return EVENT_TOPICS.some((topic) => topics.includes(topic));
}

function sayType(type: FieldType): string {
  if (Array.isArray(type)) return type.map(sayType).join(' or ');
  if (typeof type !== 'string' && 'items' in type) return `list of ${type.items.name}`;
  if (typeof type !== 'string' && 'fields' in type) return type.name;
  return typeof type === 'string' ? type : `${type.type} (${type.logicalType})`;
}
