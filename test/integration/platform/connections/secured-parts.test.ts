// Each part with TLS and a login, reached by the settings that an operator writes; the passwords are
// hard to write into an address.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect } from 'chai';
import { createRegistryApi } from '../../../../admin/schemas/registry-api.ts';
import { createRegistryClient } from '../../../../platform/avro/schema-registry.ts';
import { readKafkaSettings } from '../../../../platform/connections/kafka-settings.ts';
import { readMysqlSettings } from '../../../../platform/connections/mysql-settings.ts';
import { readRedisSettings } from '../../../../platform/connections/redis-settings.ts';
import { readRegistrySettings } from '../../../../platform/connections/registry-settings.ts';
import { type KafkaAdmin, withAdmin } from '../../../../platform/kafka/admin.ts';
import { createKafkaClient } from '../../../../platform/kafka/client.ts';
import { createProducer } from '../../../../platform/kafka/producer.ts';
import { createMysql } from '../../../../platform/mysql.ts';
import { createRedis } from '../../../../platform/redis.ts';
import { readReplication } from '../../../../platform/redis-server.ts';
import {
  type Environment,
  readSettings,
  type SettingsReader,
} from '../../../../platform/settings.ts';
import { randomName } from '../../../support/random-name.ts';
import {
  type Certificates,
  makeCertificates,
} from '../../../support/servers/secured/certificates.ts';
import {
  createSecuredContext,
  type SecuredContext,
} from '../../../support/servers/secured/launch.ts';
import { startSecuredKafka } from '../../../support/servers/secured/secured-kafka.ts';
import { startSecuredMysql } from '../../../support/servers/secured/secured-mysql.ts';
import {
  type SecuredRedis,
  startSecuredRedis,
} from '../../../support/servers/secured/secured-redis.ts';
import { startSecuredRegistry } from '../../../support/servers/secured/secured-registry.ts';
import { silentLogger } from '../../../support/silent-logger.ts';
import { waitUntil } from '../../../support/wait-until.ts';

const MYSQL = { user: 'app', password: ` p@ss/#%?:&"'\\ ` };
const REDIS = { user: 'app', password: 'p@ss/#%?:&"\'\\' };
const SENTINEL = { user: 'watch', password: 's@ss/#%?:&"\'\\' };
const REGISTRY = { user: 'app', password: 'p@ss/#%?:&"\'\\ 비밀' };
// What a broker's own files can hold.
const KAFKA = { user: 'app', password: 'p@ss/#%?:&' };

function settingsOf<T>(env: Environment, readPart: (read: SettingsReader) => T): T {
  const read = readSettings(env);
  const settings = readPart(read);
  read.finish();
  return settings;
}

/** What a call fails with, whoever's error it is. */
function failureOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => error,
  );
}

describe('A part with TLS and a login', () => {
  let folder: string;
  let certificates: Certificates;
  let context: SecuredContext;

  before(async () => {
    mkdirSync('.firstcome', { recursive: true });
    folder = resolve(mkdtempSync('.firstcome/secured-'));
    certificates = await makeCertificates(`${folder}/certificates`);
    context = createSecuredContext(folder, certificates);
  });
  after(async () => {
    await context?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  describe('MySQL', () => {
    let port: number;
    before(async () => {
      port = await startSecuredMysql(context, MYSQL);
    });
    const ask = async (env: Environment): Promise<Record<string, string>> => {
      const settings = settingsOf(env, readMysqlSettings);
      const db = createMysql({ ...settings, poolSize: 1, timeoutMs: 20_000 });
      try {
        const [rows] = await db.raw("SHOW STATUS LIKE 'Ssl_version'");
        return rows[0];
      } finally {
        await db.destroy();
      }
    };

    it('is spoken to through TLS, as the user of the settings or of the address', async () => {
      const tls = { MYSQL_TLS: 'on', MYSQL_TLS_CA: certificates.ca };
      const { user, password } = MYSQL;
      const bySettings = {
        MYSQL_URL: `mysql://localhost:${port}/firstcome`,
        ...{ MYSQL_USER: user, MYSQL_PASSWORD: password },
      };
      const byAddress = {
        MYSQL_URL: `mysql://${user}:${encodeURIComponent(password)}@localhost:${port}/firstcome`,
      };
      for (const env of [bySettings, byAddress]) {
        expect((await ask({ ...env, ...tls })).Value).to.match(/^TLS/);
      }
    });

    it('is not spoken to without TLS, or when its certificate is from another authority', async () => {
      const env = {
        MYSQL_URL: `mysql://localhost:${port}/firstcome`,
        ...{ MYSQL_USER: MYSQL.user, MYSQL_PASSWORD: MYSQL.password },
      };
      // MySQL and MariaDB say it in different words.
      expect(String(await failureOf(ask(env)))).to.match(/secure.transport|access denied/i);
      const tls = { MYSQL_TLS: 'on', MYSQL_TLS_CA: certificates.otherCa };
      expect(String(await failureOf(ask({ ...env, ...tls })))).to.match(/certificate/i);
    });
  });

  describe('Redis, and its Sentinels', () => {
    let server: SecuredRedis;
    before(async () => {
      server = await startSecuredRedis(context, { redis: REDIS, sentinel: SENTINEL });
    });
    const open = (env: Environment) =>
      createRedis(
        { ...settingsOf(env, readRedisSettings), commandTimeoutMs: 20_000 },
        silentLogger(),
      );
    const ping = async (env: Environment): Promise<string> => {
      const redis = open(env);
      // What connect() itself fails with is that there is no connection, and not why.
      const reasons: Error[] = [];
      redis.on('error', (error) => reasons.push(error));
      try {
        await redis.connect();
        return await redis.ping();
      } catch (error) {
        throw reasons[0] ?? error;
      } finally {
        redis.disconnect();
      }
    };
    const login = { REDIS_USERNAME: REDIS.user, REDIS_PASSWORD: REDIS.password };

    it('is spoken to through TLS, by IPv4 and IPv6, with the login of settings or address', async () => {
      const ca = { REDIS_TLS_CA: certificates.ca };
      const encoded = `${REDIS.user}:${encodeURIComponent(REDIS.password)}`;
      for (const env of [
        { REDIS_URL: `rediss://127.0.0.1:${server.port}`, ...login },
        { REDIS_URL: `redis://[::1]:${server.port}`, REDIS_TLS: 'on', ...login },
        { REDIS_URL: `rediss://${encoded}@localhost:${server.port}` },
      ]) {
        expect(await ping({ ...env, ...ca })).to.equal('PONG');
      }
    });

    it('is not spoken to when its certificate is from another authority', async () => {
      const env = { REDIS_URL: `rediss://127.0.0.1:${server.port}`, ...login };
      const error = await failureOf(ping({ ...env, REDIS_TLS_CA: certificates.otherCa }));
      expect(String(error)).to.match(/certificate/i);
    });

    it('is found by its Sentinels, and found again when they name another master', async () => {
      const redis = open({
        REDIS_SENTINELS: `[::1]:${server.sentinelPort}`,
        REDIS_SENTINEL_MASTER: server.master,
        REDIS_SENTINEL_USERNAME: SENTINEL.user,
        REDIS_SENTINEL_PASSWORD: SENTINEL.password,
        REDIS_SENTINEL_TLS: 'on',
        REDIS_TLS: 'on',
        REDIS_TLS_CA: certificates.ca,
        ...login,
      });
      try {
        await redis.connect();
        const first = await readReplication(redis);
        expect(first.isMaster).to.equal(true);
        await server.canFailOver();
        await server.failOver();
        const second = await waitUntil('it has come to another master', async () => {
          const found = await readReplication(redis).catch(() => undefined);
          return found?.isMaster === true && found.replicationId !== first.replicationId && found;
        });
        expect(second.replicationId).to.not.equal(first.replicationId);
        // A Sentinel tells of it once more when all replicas follow: the connection is made anew then.
        await waitUntil('the new master takes a write', async () => {
          const answer = await redis.set('written', 'here').catch(() => undefined);
          return answer === 'OK';
        });
      } finally {
        redis.disconnect();
      }
    });
  });

  describe('Kafka', () => {
    let port: number;
    const variables = (mechanism: string, at = port): Record<string, string> => ({
      KAFKA_BROKERS: `127.0.0.1:${at}`,
      KAFKA_TLS: 'on',
      KAFKA_TLS_CA: certificates.ca,
      KAFKA_SASL_MECHANISM: mechanism,
      KAFKA_SASL_USERNAME: KAFKA.user,
      KAFKA_SASL_PASSWORD: KAFKA.password,
    });
    const clientOf = (env: Environment) =>
      createKafkaClient(
        { ...settingsOf(env, readKafkaSettings), clientId: 'firstcome-test' },
        silentLogger(),
        { givesUpSoon: true },
      );
    const asAdmin = <T>(env: Environment, work: (admin: KafkaAdmin) => Promise<T>): Promise<T> =>
      withAdmin(clientOf(env), work);
    before(async () => {
      port = await startSecuredKafka(context, KAFKA, (at) =>
        asAdmin(variables('PLAIN', at), (admin) => admin.listTopics()),
      );
    });

    for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']) {
      it(`is written to through TLS as the user of the settings, by ${mechanism}`, async () => {
        const env = variables(mechanism);
        const topic = randomName('secured-');
        await asAdmin(env, (admin) =>
          admin.createTopic({ topic, partitions: 1, replicationFactor: 1 }),
        );
        const producer = createProducer(clientOf(env));
        const record = { topic, partition: 0, value: mechanism };
        expect(await producer.send([record], { timeoutMs: 60_000 })).to.deep.equal({
          kind: 'acknowledged',
          offsets: [0n],
        });
        await producer.close();
      });
    }

    it('is not spoken to when its certificate is from another authority', async () => {
      const env = { ...variables('PLAIN'), KAFKA_TLS_CA: certificates.otherCa };
      const error = await failureOf(asAdmin(env, (admin) => admin.listTopics()));
      expect(String(error)).to.match(/certificate/i);
    });

    it('says that a login is wrong, and not what it is', async () => {
      const env = { ...variables('SCRAM-SHA-256'), KAFKA_SASL_PASSWORD: 'wrong-secret' };
      const error = await failureOf(asAdmin(env, (admin) => admin.listTopics()));
      expect(String(error))
        .to.match(/authentication failed/i)
        .and.not.include('wrong-secret');
    });
  });

  describe('the registry', () => {
    let server: Awaited<ReturnType<typeof startSecuredRegistry>>;
    before(async () => {
      server = await startSecuredRegistry(certificates, REGISTRY);
    });
    after(() => server?.close());
    const at = (host: string): string => `https://${host}:${server.port}${server.path}`;
    const login = () => ({
      SCHEMA_REGISTRY_USERNAME: REGISTRY.user,
      SCHEMA_REGISTRY_PASSWORD: REGISTRY.password,
      SCHEMA_REGISTRY_TLS_CA: certificates.ca,
    });

    it('is asked over https with the login of the settings or of the address', async () => {
      const { SCHEMA_REGISTRY_TLS_CA } = login();
      const encoded = `${REGISTRY.user}:${encodeURIComponent(REGISTRY.password)}`;
      for (const env of [
        { SCHEMA_REGISTRY_URL: at('127.0.0.1'), ...login() },
        { SCHEMA_REGISTRY_URL: at('[::1]'), ...login() },
        { SCHEMA_REGISTRY_URL: at(`${encoded}@localhost`), SCHEMA_REGISTRY_TLS_CA },
      ]) {
        const settings = settingsOf(env, readRegistrySettings);
        expect(await createRegistryApi(settings).subjects()).to.be.an('array');
        const error = await failureOf(createRegistryClient(settings).getSchema(2_000_000_000));
        expect(error).to.have.property('status', 404);
      }
    });

    it('refuses another login, and its certificate is looked at', async () => {
      const subjects = (env: Environment): Promise<string[]> =>
        createRegistryApi(settingsOf(env, readRegistrySettings)).subjects();
      const env = { SCHEMA_REGISTRY_URL: at('127.0.0.1'), ...login() };
      const refused = await failureOf(
        subjects({ ...env, SCHEMA_REGISTRY_PASSWORD: 'wrong-secret' }),
      );
      expect(String(refused)).to.include('401').and.not.include('wrong-secret');
      const unknown = subjects({ ...env, SCHEMA_REGISTRY_TLS_CA: certificates.otherCa });
      expect(String(await failureOf(unknown))).to.match(/certificate/i);
    });
  });
});
