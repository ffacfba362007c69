import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { type MigrateSettings, migrate } from '../../../admin/migrate.ts';
import { TOPIC_LAYOUT } from '../../../contracts/topic-layout.ts';
import { withAdmin } from '../../../platform/kafka/admin.ts';
import { errorOf } from '../../support/error-of.ts';
import { randomName } from '../../support/random-name.ts';
import { addressOf } from '../../support/system/addresses.ts';
import { createEmptyDatabase, type TestDatabase } from '../../support/system/database.ts';
import { appendRecords } from '../../support/system/records.ts';
import { runCli } from '../../support/system/run-cli.ts';
import { createTestKafka, deleteSubjects, deleteTopics } from '../../support/system/topics.ts';

const TOPICS = TOPIC_LAYOUT.length;
const SETTINGS = TOPIC_LAYOUT.flatMap(({ settings }) => Object.keys(settings)).length;

describe('migrate', () => {
  let prefix: string;
  let database: TestDatabase;
  let settings: MigrateSettings;

  beforeEach(async () => {
    prefix = `${randomName('migrate')}-`;
    database = await createEmptyDatabase();
    settings = {
      kafka: { brokers: addressOf('KAFKA_BROKERS').split(',') },
      registry: { url: addressOf('SCHEMA_REGISTRY_URL') },
      mysql: { url: database.url },
      topicPrefix: prefix,
    };
  });
  afterEach(async () => {
    await database.drop();
    await deleteTopics(createTestKafka(), prefix);
    await deleteSubjects(prefix);
  });

  const variables = (): Record<string, string> => ({
    KAFKA_BROKERS: settings.kafka.brokers.join(','),
    SCHEMA_REGISTRY_URL: settings.registry.url,
    MYSQL_URL: settings.mysql.url,
    TOPIC_PREFIX: prefix,
  });

  it('makes topics, schemas and tables; the second time there is nothing to do', async () => {
    const first = await migrate(settings, () => undefined);
    expect(first.topics.map(({ kind }) => kind)).to.deep.equal(Array(TOPICS).fill('created'));
    expect(first.subjects.map(({ kind }) => kind)).to.deep.equal(Array(7).fill('registered'));
    expect(first.migrations).not.to.deep.equal([]);
    const second = await migrate(settings, () => undefined);
    expect(second.topics.map(({ kind }) => kind)).to.deep.equal(Array(TOPICS).fill('existing'));
    expect(second.subjects.map(({ kind }) => kind)).to.deep.equal(Array(7).fill('existing'));
    expect(second.migrations).to.deep.equal([]);
  });

  it('says one line for each step, with its time, and ends with 0', async () => {
    const { code, stdout, stderr } = await runCli('migrate', [], variables());
    expect(stderr).to.equal('');
    expect(code).to.equal(0);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.replace(/\d+\.\d s/, 'N s')),
    ).to.deep.equal([
      `topics   ${TOPICS} created, 0 existed before; ${SETTINGS} settings are as they have to be (N s)`,
      'schemas  7 registered, 0 existed before (N s)',
      `tables   ${readdirSync('migrations').length} migration(s) ran (N s)`,
    ]);
  });

  it('brings a topic up to the partitions that are asked for, and says what comes next', async () => {
    await migrate(settings, () => undefined);
    const more = await runCli('migrate', ['--assign-partitions', '4'], variables());
    expect(more.stderr).to.equal('');
    expect(more.code).to.equal(0);
    expect(more.stdout).to.contain(` 2 of them got more partitions; ${SETTINGS} settings`);
    expect(more.stdout).to.contain(
      `${prefix}coupon-assign has 4 partitions now; they are used after: firstcome rebuild-redis\n`,
    );
    expect(more.stdout).to.contain(`${prefix}coupon-assign-dlt has 4 partitions now\n`);
  });

  it('mends settings that lose records, and ends with 1 over records that are lost', async () => {
    await migrate(settings, () => undefined);
    const kafka = createTestKafka();
    const topic = `${prefix}coupon-assign`;
    await appendRecords(kafka, [{ topic, partition: 0, value: 'lost' }]);
    await withAdmin(kafka, async (admin) => {
      await admin.changeConfig(topic, { 'retention.bytes': '1000000' });
      await admin.deleteRecordsBefore(topic, new Map([[0, 1n]]));
    });
    const { code, stdout } = await runCli('migrate', [], variables());
    expect(stdout).to.contain(`${topic}: retention.bytes was 1000000, is set to -1\n`);
    expect(stdout).to.contain(
      'log      coupon-assign/0 begins at 1, and no snapshot covers what was before\n',
    );
    expect(code).to.equal(1);
  });

  it('ends with 1 and every faulty setting, before it connects to anything', async () => {
    const { code, stdout, stderr } = await runCli('migrate', [], {
      ...variables(),
      KAFKA_BROKERS: 'nonsense',
      MYSQL_URL: '',
    });
    expect(code).to.equal(1);
    expect(stdout).to.equal('');
    expect(stderr).to.match(
      /^migrate failed: 2 faulty .*KAFKA_BROKERS.*MYSQL_URL is missing; is npm start running\?\n$/,
    );
  });

  it('ends with 1 and one line that names the step that failed, and no password', async () => {
    const broken = new URL(settings.mysql.url);
    broken.password = 'not-the-password';
    const { code, stdout, stderr } = await runCli('migrate', [], {
      ...variables(),
      MYSQL_URL: broken.href,
    });
    expect(code).to.equal(1);
    expect(stdout.split('\n').map((line) => line.split(' ')[0])).to.deep.equal([
      'topics',
      'schemas',
      '',
    ]);
    expect(stderr).to.match(/^migrate failed: tables: Access denied.*\n$/);
    expect(stderr).not.to.contain('not-the-password');
  });

  const away: [part: string, change: Partial<MigrateSettings>, step: string][] = [
    ['Kafka', { kafka: { brokers: ['127.0.0.1:9'] } }, 'topics'],
    ['the registry', { registry: { url: 'http://127.0.0.1:9/apis' } }, 'schemas'],
    ['MySQL', { mysql: { url: 'mysql://root@127.0.0.1:9/nothing' } }, 'tables'],
  ];
  for (const [part, change, step] of away) {
    it(`names the step that needs ${part} when it is away`, async () => {
      const error = await errorOf(migrate({ ...settings, ...change }, () => undefined));
      expect(error.message).to.match(new RegExp(`^${step}: .`));
    });
  }

  it('goes on after a run that broke off', async () => {
    const half = { ...settings, mysql: { url: 'mysql://root@127.0.0.1:9/nothing' } };
    await errorOf(migrate(half, () => undefined));
    const { topics, migrations } = await migrate(settings, () => undefined);
    expect(topics.map(({ kind }) => kind)).to.deep.equal(Array(TOPICS).fill('existing'));
    expect(migrations).not.to.deep.equal([]);
  });
});
