import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  chooseJava,
  findJavas,
  type Java,
  parseJavaRelease,
  requireJava,
} from '../../../stack/install/java.ts';
import { chooseRegistry } from '../../../stack/servers/registry.ts';
import { StackError } from '../../../stack/stack-error.ts';

const java = (major: number): Java => ({ home: `/jvm/${major}`, major, version: `${major}.0.1` });

describe('Reading the version of a Java', () => {
  const versions = {
    'JAVA_VERSION="17.0.15"': { major: 17, version: '17.0.15' },
    'IMPLEMENTOR="X"\nJAVA_VERSION="25"\n': { major: 25, version: '25' },
    'JAVA_VERSION="1.8.0_402"': { major: 8, version: '1.8.0_402' },
    'IMPLEMENTOR="X"': undefined,
    'JAVA_VERSION="early"': undefined,
  };
  for (const [text, version] of Object.entries(versions)) {
    it(`finds ${version?.version ?? 'none'} in ${JSON.stringify(text)}`, () => {
      expect(parseJavaRelease(text)).to.deep.equal(version);
    });
  }
});

describe('Choosing a Java', () => {
  it('takes the first that fits, not the newest', () => {
    expect(chooseJava([java(11), java(17), java(21)], { min: 17, max: 24 })).to.deep.equal(
      java(17),
    );
  });

  it('takes none that is too new', () => {
    expect(chooseJava([java(25)], { min: 17, max: 24 })).to.equal(undefined);
  });

  it('says what is missing and how to get it', () => {
    expect(() => requireJava([java(11)], 'Kafka', { min: 17, max: 24 })).to.throw(
      StackError,
      /Kafka needs Java 17 to 24: apt-get install/,
    );
  });

  it('looks into JAVA_HOME before PATH', () => {
    const folder = mkdtempSync(join(tmpdir(), 'java-'));
    for (const name of ['a', 'b']) {
      mkdirSync(join(folder, name, 'bin'), { recursive: true });
      writeFileSync(join(folder, name, 'bin', 'java'), '');
    }
    writeFileSync(join(folder, 'a', 'release'), 'JAVA_VERSION="21.0.1"');
    writeFileSync(join(folder, 'b', 'release'), 'JAVA_VERSION="17.0.1"');
    const found = findJavas({
      JAVA_HOME: join(folder, 'b'),
      PATH: `/nowhere:${join(folder, 'a', 'bin')}`,
    });
    rmSync(folder, { recursive: true });
    expect(found.slice(0, 2).map(({ major }) => major)).to.deep.equal([17, 21]);
  });
});

describe('Choosing the schema registry', () => {
  it('takes the newest where there is Java 21 or newer', () => {
    expect(chooseRegistry([java(17), java(25)])).to.deep.include({
      version: '3.3.3',
      java: java(25),
    });
  });

  it('takes the last one for Java 17 where there is only that', () => {
    expect(chooseRegistry([java(17)])).to.deep.include({ version: '3.0.9', java: java(17) });
  });

  it('refuses an older Java', () => {
    expect(() => chooseRegistry([java(11)])).to.throw(StackError, /needs Java 17/);
  });
});
