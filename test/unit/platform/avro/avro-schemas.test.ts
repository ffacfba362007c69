import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { readAvroRecords } from '../../../../platform/avro/avro-schemas.ts';
import { AppError } from '../../../../platform/errors.ts';

describe('reading a folder of schemas', () => {
  let path: string;
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'schemas-'));
  });
  afterEach(() => rmSync(path, { recursive: true }));

  const put = (file: string, content: string): void => writeFileSync(join(path, file), content);
  const record = (name: string, doc: string): string =>
    JSON.stringify({ type: 'record', namespace: 'n', name, doc, fields: [] });
  const read = (topics: Record<string, string[]>) =>
    readAvroRecords(pathToFileURL(`${path}/`), topics);

  it('takes the highest version, by number and not by spelling', () => {
    for (const version of [1, 2, 9, 10]) put(`a.v${version}.avsc`, record('A', `v${version}`));
    const [newest] = read({ A: ['topic'] });
    expect(newest?.schema.doc).to.equal('v10');
    expect(newest?.topics).to.deep.equal(['topic']);
  });

  it('leaves other files alone', () => {
    put('README.md', 'words');
    put('a.v1.avsc', record('A', ''));
    expect(read({ A: ['topic'] })).to.have.length(1);
  });

  const faults: [what: string, prepare: () => void, topics: Record<string, string[]>][] = [
    ['a file without a version', () => put('a.avsc', record('A', '')), { A: ['t'] }],
    ['a version 0', () => put('a.v0.avsc', record('A', '')), { A: ['t'] }],
    ['a file that is no JSON', () => put('a.v1.avsc', '{'), { A: ['t'] }],
    ['a schema that is no record', () => put('a.v1.avsc', '{"type":"int"}'), { A: ['t'] }],
    ['a record without a topic', () => put('a.v1.avsc', record('A', '')), {}],
    ['a topic without its record', () => undefined, { A: ['t'] }],
  ];
  for (const [what, prepare, topics] of faults) {
    it(`refuses ${what}`, () => {
      prepare();
      expect(() => read(topics))
        .to.throw(AppError)
        .with.property('code', 'STARTUP_FAILED');
    });
  }
});
