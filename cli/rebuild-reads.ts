// npm run rebuild:reads: the read tables anew from the log, beside the live ones, then a swap.
import { parseArgs } from 'node:util';
import { readOwnSchemas } from '../admin/schemas/register-schemas.ts';
import { createEventCodec } from '../platform/avro/event-codec.ts';
import { AppError, messageOf } from '../platform/errors.ts';
import { createKafka } from '../platform/kafka/client.ts';
import { createLogger } from '../platform/logger.ts';
import { createMysql } from '../platform/mysql.ts';
import { readSettings } from '../platform/settings.ts';
import {
  REBUILD_CONNECTIONS,
  REBUILD_STATEMENTS,
  rebuildReads,
} from '../projector/rebuild/rebuild-reads.ts';
import { withRunEnv } from './shared/run-env.ts';

const USAGE = `npm run rebuild:reads -- [--check]
  Makes coupons, counters, assignments and checkpoints anew from the log, beside the live tables and
  while projector and query API go on; says what differs from the live ones; swaps all at once.
  dead_letters stays as it is: what is parked or discarded there is not applied.
  --check   compares only; exit code 1 when the live tables differ
It may be stopped at any point and run again.
Exit codes: 0 done, 1 failed or different, 2 usage. Addresses: KAFKA_BROKERS, SCHEMA_REGISTRY_URL,
MYSQL_URL (a user that may create, drop and rename tables), TOPIC_PREFIX; without any of them, those
of the running npm start.`;

const ADDRESSES = ['KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL', 'MYSQL_URL'];

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  const isSetting = error instanceof AppError && error.code === 'SETTINGS_INVALID';
  console.error(`${messageOf(error)}${isSetting ? '; is npm start running?' : ''}`);
  process.exitCode = 1;
}

/** @returns the exit code */
async function run(argv: string[]): Promise<number> {
  const args = readArguments(argv);
  if (args === null || args.help) {
    console.log(USAGE);
    return args === null ? 2 : 0;
  }
  const read = readSettings(withRunEnv(process.env, ADDRESSES));
  const settings = {
    brokers: read.hosts('KAFKA_BROKERS'),
    registryUrl: read.url('SCHEMA_REGISTRY_URL', ['http://', 'https://']),
    mysqlUrl: read.url('MYSQL_URL', ['mysql://']),
    topicPrefix: read.text('TOPIC_PREFIX', ''),
  };
  read.finish();
  const { brokers, registryUrl, mysqlUrl: url, topicPrefix } = settings;
  const logger = createLogger('rebuild-reads', 'error');
  const db = createMysql({
    ...{ url, poolSize: REBUILD_CONNECTIONS, sessionStatements: REBUILD_STATEMENTS },
    timeoutMs: 15_000,
  });
  try {
    const result = await rebuildReads({
      ...{ db, topicPrefix, checkOnly: args.check, report: console.log },
      kafka: createKafka({ brokers, clientId: 'firstcome-rebuild-reads' }, logger),
      codec: await createEventCodec({ registryUrl, topicPrefix, schemas: readOwnSchemas() }),
    });
    if (result.kind === 'held-by-another') {
      console.error('another rebuild of these tables is on its way');
      return 1;
    }
    const faults = result.comparisons.reduce(
      (sum, { different, onlyLive, onlyNext }) => sum + different + onlyLive + onlyNext,
      0,
    );
    if (result.kind === 'swapped') {
      console.log(faults === 0 ? 'every row was as it should be' : `${faults} row(s) mended`);
      return 0;
    }
    console.log(faults === 0 ? 'the live tables are as they should be' : `${faults} faulty row(s)`);
    return faults === 0 ? 0 : 1;
  } finally {
    await db.destroy();
  }
}

function readArguments(argv: string[]): { check: boolean; help: boolean } | null {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        check: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch (error) {
    console.error(messageOf(error));
    return null;
  }
}
