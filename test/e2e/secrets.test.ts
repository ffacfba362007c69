// Every service and command with logins that no server takes: they are in nothing that is put out.
import { spawn } from 'node:child_process';
import { expect } from 'chai';
import { randomName } from '../support/random-name.ts';
import { addressOf } from '../support/system/addresses.ts';
import { runCli } from '../support/system/run-cli.ts';
import { createEventSystem, type EventSystem } from '../support/system/topics.ts';
import { waitUntil } from '../support/wait-until.ts';

const SECRET = `${randomName('p@ss')}#%/`;
const USER = 'nobody-known';
const ENCODED = `${USER}:${encodeURIComponent(SECRET)}`;
/** How it could be written. */
const TRACES = [
  SECRET,
  encodeURIComponent(SECRET),
  JSON.stringify(SECRET).slice(1, -1),
  Buffer.from(`${USER}:${SECRET}`).toString('base64'),
  Buffer.from(SECRET).toString('base64'),
];

function expectNoSecret(output: string, of: string): void {
  for (const trace of TRACES) expect(output.includes(trace), `${of}: ${trace}`).to.equal(false);
}

/** An address with the login in it, in the place of any that it has. */
function withLogin(address: string): string {
  return address.replace(/\/\/(?:[^@/]*@)?/, `//${ENCODED}@`);
}

function withoutLogin(address: string): string {
  return address.replace(/\/\/[^@/]*@/, '//');
}

describe('A login that no server takes', () => {
  let events: EventSystem;
  let right: Record<string, string>;
  before(async () => {
    events = await createEventSystem('secrets-');
    right = {
      LOG_LEVEL: 'debug',
      HTTP_HOST: '127.0.0.1',
      HTTP_PORT: '0',
      KAFKA_BROKERS: addressOf('KAFKA_BROKERS'),
      SCHEMA_REGISTRY_URL: addressOf('SCHEMA_REGISTRY_URL'),
      REDIS_URL: addressOf('REDIS_URL'),
      MYSQL_URL: addressOf('MYSQL_URL'),
      QUERY_API_URL: 'http://127.0.0.1:1',
      TOPIC_PREFIX: events.topicPrefix,
      REDIS_KEY_PREFIX: events.topicPrefix,
      CONSUMER_GROUP: `${events.topicPrefix}projector`,
    };
  });
  after(() => events?.cleanup());

  const wrong = {
    mysql: () => ({
      MYSQL_URL: withoutLogin(addressOf('MYSQL_URL')),
      ...{ MYSQL_USER: USER, MYSQL_PASSWORD: SECRET },
    }),
    redis: () => ({ REDIS_URL: withLogin(addressOf('REDIS_URL')) }),
    kafka: () => ({
      KAFKA_SASL_MECHANISM: 'PLAIN',
      ...{ KAFKA_SASL_USERNAME: USER, KAFKA_SASL_PASSWORD: SECRET },
    }),
    // Nobody listens there: the registry of this run takes any login.
    registry: () => ({ SCHEMA_REGISTRY_URL: `http://${ENCODED}@127.0.0.1:9/apis` }),
  };

  for (const [service, part] of [
    ['command-api', 'redis'],
    ['command-api', 'kafka'],
    ['command-api', 'registry'],
    ['projector', 'mysql'],
    ['projector', 'kafka'],
    ['query-api', 'mysql'],
  ] as const) {
    it(`of ${part} is not told by the ${service}`, async () => {
      const child = spawn(process.execPath, [`${service}/main.ts`], {
        env: { PATH: process.env.PATH ?? '', ...right, ...wrong[part]() },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk: Buffer) => {
          output += chunk.toString();
        });
      }
      const closed = new Promise((done) => child.once('close', done));
      try {
        const isUp = (): string | undefined => /"port":(\d+),"msg":"listening"/.exec(output)?.[1];
        const complains = (): boolean => /"level":"(?:warn|error|fatal)"/.test(output);
        await waitUntil('it listens, or complains', () => isUp() !== undefined || complains());
        const port = isUp();
        if (port !== undefined) {
          for (const path of ['/health/ready', '/coupons/00000000-0000-4000-8000-000000000000']) {
            const answer = await fetch(`http://127.0.0.1:${port}${path}`);
            const headers = JSON.stringify([...answer.headers]);
            expectNoSecret(`${headers}${await answer.text()}`, path);
          }
        }
      } finally {
        child.kill('SIGTERM');
        await closed;
      }
      expect(output).to.match(/"level":"(?:info|warn|error|fatal)"/);
      expectNoSecret(output, output);
    });
  }

  for (const [command, args, part] of [
    ['migrate', [], 'registry'],
    ['migrate', [], 'mysql'],
    ['schemas', ['list'], 'registry'],
    ['verify', ['--wait', '0'], 'redis'],
    ['dead-letters', ['list'], 'mysql'],
    ['rebuild-redis', [], 'redis'],
  ] as const) {
    it(`of ${part} is not told by firstcome ${command}`, async () => {
      const run = await runCli(command, args, { ...right, ...wrong[part]() });
      expect(run.code).to.equal(1);
      expect(run.stderr).to.not.equal('');
      expectNoSecret(run.stdout + run.stderr, run.stdout + run.stderr);
    });
  }
});
