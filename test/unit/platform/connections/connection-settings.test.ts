// How each part is reached, from environment values: logins, TLS, Sentinels, IPv6, and what is refused.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readKafkaSettings } from '../../../../platform/connections/kafka-settings.ts';
import { readMysqlSettings } from '../../../../platform/connections/mysql-settings.ts';
import { readRedisSettings } from '../../../../platform/connections/redis-settings.ts';
import { readRegistrySettings } from '../../../../platform/connections/registry-settings.ts';
import { messageOf } from '../../../../platform/errors.ts';
import {
  type Environment,
  readSettings,
  type SettingsReader,
} from '../../../../platform/settings.ts';
import { makeCertificates } from '../../../support/servers/secured/certificates.ts';

const SECRET = `p@ss/#%?:&"'\\ `;
const ENCODED = encodeURIComponent(SECRET);

function read<T>(readPart: (reader: SettingsReader) => T, env: Environment): T {
  const reader = readSettings(env);
  const value = readPart(reader);
  reader.finish();
  return value;
}

/** The faults, without their number; no secret may be in them. */
function faultsOf(readPart: (reader: SettingsReader) => unknown, env: Environment): string {
  try {
    read(readPart, env);
  } catch (error) {
    expect(messageOf(error)).to.not.include('p@ss');
    return messageOf(error).replace(/^\d+ faulty setting\(s\): /, '');
  }
  return '';
}

describe('How a part is reached', () => {
  let folder: string;
  let ca: string;
  let certificate: string;
  let key: string;
  let otherKey: string;
  let noPem: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'firstcome-pem-'));
    ({ ca, certificate, key } = await makeCertificates(folder));
    otherKey = (await makeCertificates(join(folder, 'other'))).key;
    noPem = join(folder, 'no.pem');
    writeFileSync(noPem, 'no pem');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('is by a login of any printable characters, in the address or in settings', () => {
    const login = { user: 'me', password: SECRET };
    const bare = { MYSQL_URL: 'mysql://db:3306/firstcome' };
    for (const env of [
      { ...bare, MYSQL_USER: 'me', MYSQL_PASSWORD: SECRET },
      { MYSQL_URL: `mysql://me:${ENCODED}@db:3306/firstcome` },
    ]) {
      expect(read(readMysqlSettings, env)).to.deep.equal({ url: bare.MYSQL_URL, login });
    }
    expect(
      read(readRegistrySettings, { SCHEMA_REGISTRY_URL: `https://me:${ENCODED}@r:1/apis/v7/` }),
    ).to.deep.equal({ url: 'https://r:1/apis/v7', login, tls: {} });
    expect(read(readRedisSettings, { REDIS_URL: `redis://:${ENCODED}@r:1/3` })).to.deep.equal({
      url: 'redis://r:1/3',
      login: { user: '', password: SECRET },
    });
  });

  it('is refused with two logins, with half of one, or with none where one is needed', () => {
    const both = { MYSQL_URL: 'mysql://me:p%40ss@db/d', MYSQL_PASSWORD: SECRET };
    expect(faultsOf(readMysqlSettings, both)).to.match(/MYSQL_URL holds a login.*another/);
    const url = { MYSQL_URL: 'mysql://db/d' };
    expect(faultsOf(readMysqlSettings, { ...url, MYSQL_USER: 'me' })).to.include('MYSQL_PASSWORD');
    const lonely = { ...url, MYSQL_PASSWORD: SECRET };
    expect(faultsOf(readMysqlSettings, lonely)).to.include('MYSQL_USER is missing');
    expect(faultsOf(readMysqlSettings, url)).to.include('MYSQL_USER and MYSQL_PASSWORD');
    const kafka = { KAFKA_BROKERS: 'k:1', KAFKA_SASL_USERNAME: 'me', KAFKA_SASL_PASSWORD: SECRET };
    expect(faultsOf(readKafkaSettings, kafka)).to.include('KAFKA_SASL_MECHANISM');
    const nobody = { KAFKA_BROKERS: 'k:1', KAFKA_SASL_MECHANISM: 'PLAIN' };
    expect(faultsOf(readKafkaSettings, nobody)).to.include('KAFKA_SASL_USERNAME');
    const colon = { SCHEMA_REGISTRY_USERNAME: 'm:e', SCHEMA_REGISTRY_PASSWORD: SECRET };
    expect(
      faultsOf(readRegistrySettings, { SCHEMA_REGISTRY_URL: 'http://r', ...colon }),
    ).to.include('SCHEMA_REGISTRY_USERNAME');
  });

  it('is refused with an option in an address, or a password that is not percent-encoded', () => {
    const login = { MYSQL_USER: 'me', MYSQL_PASSWORD: SECRET };
    for (const end of ['?ssl-mode=REQUIRED', '?charset=latin1', '#x', '?']) {
      const env = { ...login, MYSQL_URL: `mysql://db/d${end}` };
      expect(faultsOf(readMysqlSettings, env), end).to.match(/^MYSQL_URL must have no options/);
    }
    expect(faultsOf(readRedisSettings, { REDIS_URL: 'redis://r?family=6' })).to.match(/^REDIS_URL/);
    const registry = { SCHEMA_REGISTRY_URL: 'http://r/apis?auth=1' };
    expect(faultsOf(readRegistrySettings, registry)).to.match(/^SCHEMA_REGISTRY_URL/);
    for (const password of ['p@ss#1', 'p@ss/1', 'p@ss?1', 'p@ss%1', '12/p@ss']) {
      const env = { MYSQL_URL: `mysql://me:${password}@db/d` };
      expect(faultsOf(readMysqlSettings, env), password).to.match(/^MYSQL_URL must/);
    }
    expect(faultsOf(readRedisSettings, { REDIS_URL: 'redis://r/words' })).to.include('REDIS_URL');
    const twice = { ...login, MYSQL_URL: 'mysql://db/d/e' };
    expect(faultsOf(readMysqlSettings, twice)).to.include('name of a database');
  });

  it('is by IPv6 addresses in brackets', () => {
    const login = { MYSQL_USER: 'me', MYSQL_PASSWORD: SECRET };
    const mysql = read(readMysqlSettings, { MYSQL_URL: 'mysql://[::1]:3306/d', ...login });
    expect(mysql.url).to.equal('mysql://[::1]:3306/d');
    const KAFKA_BROKERS = '[::1]:9092, [fe80::2]:9093,k:1';
    expect(read(readKafkaSettings, { KAFKA_BROKERS }).brokers).to.deep.equal([
      ...['[::1]:9092', '[fe80::2]:9093', 'k:1'],
    ]);
    for (const wrong of ['::1:9092', '[::1]', '[::1]9092', '[k]:1']) {
      expect(faultsOf(readKafkaSettings, { KAFKA_BROKERS: wrong }), wrong).to.not.equal('');
    }
    for (const host of ['::1', '[::1]']) {
      expect(read((reader) => reader.host('HTTP_HOST'), { HTTP_HOST: host })).to.equal('::1');
    }
  });

  it('is by TLS with files that can be read, are PEM and fit each other', () => {
    const url = { KAFKA_BROKERS: 'k:1', KAFKA_TLS: 'on' };
    const files = { KAFKA_TLS_CA: ca, KAFKA_TLS_CERT: certificate, KAFKA_TLS_KEY: key };
    const { tls } = read(readKafkaSettings, { ...url, ...files });
    expect(tls).to.have.keys('ca', 'certificate', 'key');
    expect(read(readKafkaSettings, url).tls).to.deep.equal({});
    for (const [faulty, what] of [
      [{ KAFKA_TLS_CA: join(folder, 'none') }, 'KAFKA_TLS_CA must be the path'],
      [{ KAFKA_TLS_CA: noPem }, 'KAFKA_TLS_CA must be a file of PEM'],
      [{ KAFKA_TLS_CERT: certificate }, 'one of them is missing'],
      [{ KAFKA_TLS_CERT: certificate, KAFKA_TLS_KEY: otherKey }, 'a certificate and its key'],
      [{ KAFKA_TLS: 'off', KAFKA_TLS_CA: ca }, 'KAFKA_TLS_CA is set, but not KAFKA_TLS=on'],
    ] as const) {
      expect(faultsOf(readKafkaSettings, { ...url, ...faulty })).to.include(what);
    }
    const plain = { SCHEMA_REGISTRY_URL: 'http://r', SCHEMA_REGISTRY_TLS_CA: ca };
    expect(faultsOf(readRegistrySettings, plain)).to.include('https://');
    const mysql = { MYSQL_USER: 'me', MYSQL_PASSWORD: SECRET, MYSQL_TLS: 'on' };
    expect(faultsOf(readMysqlSettings, { ...mysql, MYSQL_URL: 'mysql://127.0.0.1/d' })).to.include(
      'must name its host',
    );
    const off = { REDIS_URL: 'rediss://r', REDIS_TLS: 'off' };
    expect(faultsOf(readRedisSettings, off)).to.include('REDIS_TLS is off');
  });

  it('is by Sentinels in the place of the address of Redis', () => {
    const sentinels = { REDIS_SENTINELS: 's1:26379,[::1]:26379', REDIS_SENTINEL_MASTER: 'main' };
    const login = { REDIS_SENTINEL_USERNAME: 'watch', REDIS_SENTINEL_PASSWORD: SECRET };
    const settings = { ...sentinels, ...login, REDIS_SENTINEL_TLS: 'on', REDIS_TLS_CA: ca };
    const { sentinel, tls, url } = read(readRedisSettings, settings);
    expect({ tls, url }).to.deep.equal({ tls: undefined, url: '' });
    expect(sentinel).to.deep.include({
      hosts: ['s1:26379', '[::1]:26379'],
      master: 'main',
      login: { user: 'watch', password: SECRET },
    });
    expect(sentinel?.tls).to.have.keys('ca');
    const both = { ...sentinels, REDIS_URL: 'redis://r' };
    expect(faultsOf(readRedisSettings, both)).to.include('REDIS_URL and REDIS_SENTINELS');
    const nameless = { REDIS_SENTINELS: 's1:1' };
    expect(faultsOf(readRedisSettings, nameless)).to.include('REDIS_SENTINEL_MASTER is missing');
    const unused = { REDIS_URL: 'redis://r', ...login, REDIS_SENTINEL_TLS: 'on' };
    const faults = faultsOf(readRedisSettings, unused);
    for (const name of ['USERNAME', 'PASSWORD', 'TLS']) {
      expect(faults).to.include(`REDIS_SENTINEL_${name}`);
    }
  });
});
