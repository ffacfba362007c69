// npm run dead-letters: what the projection could not apply, and what to do with it.
import { userInfo } from 'node:os';
import type { Knex } from 'knex';
import { describeLetter, describeLetters } from '../admin/dead-letters/format-dead-letters.ts';
import {
  type Choice,
  chooseLetters,
  countByStatus,
  discardLetters,
  readContent,
} from '../admin/dead-letters/parked-dead-letters.ts';
import { redriveLetters } from '../admin/dead-letters/redrive.ts';
import { createValueReader } from '../admin/schemas/format-record.ts';
import { createRegistryApi, type RegistryApi } from '../admin/schemas/registry-api.ts';
import { AppError, messageOf } from '../platform/errors.ts';
import { createKafka } from '../platform/kafka/client.ts';
import { createLogger } from '../platform/logger.ts';
import { createMysql } from '../platform/mysql.ts';
import { type Environment, readSettings } from '../platform/settings.ts';
import {
  type Arguments,
  readArguments,
  USAGE,
  UsageFault,
} from './shared/dead-letter-arguments.ts';
import { withRunEnv } from './shared/run-env.ts';

const ADDRESSES = ['MYSQL_URL', 'KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL'];
/** Lines of a list when no limit is said. */
const LISTED = 100;

type Context = { db: Knex; env: Environment };
/** @returns whether everything could be done */
type Command = (args: Arguments, context: Context) => Promise<boolean>;

const COMMANDS: Readonly<Record<Exclude<Arguments['command'], 'help'>, Command>> = {
  list,
  show,
  redrive,
  discard,
};

try {
  process.exitCode = (await run(readArguments(process.argv.slice(2)))) ? 0 : 1;
} catch (error) {
  const isSetting = error instanceof AppError && error.code === 'SETTINGS_INVALID';
  console.error(`${messageOf(error)}${isSetting ? '; is npm start running?' : ''}`);
  if (error instanceof UsageFault) console.error(`\n${USAGE}`);
  process.exitCode = error instanceof UsageFault ? 2 : 1;
}

async function run(args: Arguments): Promise<boolean> {
  if (args.command === 'help') {
    console.log(USAGE);
    return true;
  }
  const env = withRunEnv(process.env, ADDRESSES);
  const read = readSettings(env);
  const url = read.url('MYSQL_URL', ['mysql://']);
  read.finish();
  const db = createMysql({ url, poolSize: 2 });
  try {
    return await COMMANDS[args.command](args, { db, env });
  } finally {
    await db.destroy();
  }
}

async function list(args: Arguments, { db, env }: Context): Promise<boolean> {
  const letters = await chooseLetters(db, {
    ...toChoice(args, env),
    statuses: args.statuses,
    limit: args.limit ?? LISTED,
  });
  if (letters.length > 0) console.log(describeLetters(letters));
  const counts = [...(await countByStatus(db))].map(([status, count]) => `${count} ${status}`);
  console.log(`${letters.length} shown; in all: ${counts.join(', ') || 'none'}`);
  return true;
}

async function show({ ids }: Arguments, { db, env }: Context): Promise<boolean> {
  const [letter] = await chooseLetters(db, { ids });
  if (letter === undefined) {
    console.error(`there is no dead letter ${ids[0]}`);
    return false;
  }
  const content = await readContent(db, letter.id);
  const read = readSettings(env);
  const topicPrefix = read.text('TOPIC_PREFIX', '');
  console.log(await describeLetter(letter, content, { registry: registryOf(env), topicPrefix }));
  return true;
}

async function redrive(args: Arguments, { db, env }: Context): Promise<boolean> {
  const letters = await chooseLetters(db, {
    ...toChoice(args, env),
    // A discarded one only by name: its discarding was a mistake.
    statuses: args.ids.length > 0 ? ['parked', 'discarded'] : ['parked'],
  });
  if (args.dryRun) {
    if (letters.length > 0) console.log(describeLetters(letters));
    console.log(`${letters.length} matched, 0 redriven, 0 failed (dry run)`);
    return true;
  }
  const read = readSettings(env);
  const brokers = read.hosts('KAFKA_BROKERS');
  const topicPrefix = read.text('TOPIC_PREFIX', '');
  read.finish();
  const logger = createLogger('dead-letters', 'error');
  const kafka = createKafka({ brokers, clientId: 'firstcome-dead-letters' }, logger);
  const { redriven, failed, left } = await redriveLetters({ kafka, db, topicPrefix }, letters);
  for (const { letter, reason } of failed) console.error(`${letter.id}: ${reason}`);
  console.log(
    `${letters.length} matched, ${redriven} redriven, ${failed.length} failed${sayLeft(left)}`,
  );
  if (redriven > 0) console.log('the projector tries them now; list shows what is parked again');
  return failed.length === 0;
}

async function discard(args: Arguments, { db, env }: Context): Promise<boolean> {
  const letters = await chooseLetters(db, { ...toChoice(args, env), statuses: ['parked'] });
  if (args.dryRun) {
    if (letters.length > 0) console.log(describeLetters(letters));
    console.log(`${letters.length} matched, 0 discarded (dry run)`);
    return true;
  }
  const { because, by = userInfo().username } = args;
  const discarded = await discardLetters(
    db,
    letters.map(({ id }) => id),
    { because, by },
  );
  const left = letters.length - discarded;
  console.log(`${letters.length} matched, ${discarded} discarded${sayLeft(left)}`);
  return true;
}

function sayLeft(left: number): string {
  return left === 0 ? '' : `, ${left} dealt with by somebody else`;
}

function toChoice(args: Arguments, env: Environment): Choice {
  const { ids, reason, topic, couponId, limit } = args;
  return {
    ...(ids.length === 0 ? {} : { ids }),
    ...(reason === undefined ? {} : { reasonCode: reason }),
    ...(topic === undefined ? {} : { topic }),
    ...(limit === undefined ? {} : { limit }),
    ...(couponId === undefined ? {} : { holds: ofCoupon(couponId, registryOf(env)) }),
  };
}

function ofCoupon(couponId: string, registry: RegistryApi): NonNullable<Choice['holds']> {
  const readValue = createValueReader(registry);
  return async (value) => {
    if (value === null) return false;
    const read = await readValue(value);
    return read.kind === 'event' && read.event.couponId === couponId;
  };
}

function registryOf(env: Environment): RegistryApi {
  const read = readSettings(env);
  const url = read.url('SCHEMA_REGISTRY_URL', ['http://', 'https://']);
  read.finish();
  return createRegistryApi(url);
}
