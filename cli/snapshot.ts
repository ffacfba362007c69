// npm run snapshot: a snapshot of the log, so that the next rebuild of Redis reads only what came later.
import { parseArgs } from 'node:util';
import { readOwnSchemas } from '../admin/schemas/register-schemas.ts';
import { createEventCodec } from '../platform/avro/event-codec.ts';
import { pause } from '../platform/backoff.ts';
import { AppError, messageOf } from '../platform/errors.ts';
import { createKafka } from '../platform/kafka/client.ts';
import { createLogger } from '../platform/logger.ts';
import { readSettings } from '../platform/settings.ts';
import type { Log } from '../redis-rebuild/log.ts';
import { type SnapshotResult, takeSnapshot } from '../redis-rebuild/snapshot/take-snapshot.ts';
import { withRunEnv } from './shared/run-env.ts';

const USAGE = `npm run snapshot -- [--every MINUTES] [--min-records N]
  Writes what the event topics come to into coupon-snapshots: the newest snapshot, and what the log
  has got since. A rebuild of Redis then reads only what came later. Nothing that serves is touched.
  --every MINUTES   goes on, and makes one so often, until SIGTERM or SIGINT
  --min-records N   none when the log has got fewer records since the newest; 0, with --every 10000
Two at once do no harm. The newest two are kept.
Exit codes: 0 done, 1 failed, 2 usage. Addresses: KAFKA_BROKERS, SCHEMA_REGISTRY_URL, TOPIC_PREFIX;
without any of them, those of the running npm start.`;

const ADDRESSES = ['KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL'];
const MINUTE_MS = 60_000;
const MIN_RECORDS_OF_EVERY = 10_000;

type Arguments = { everyMs: number | null; minRecords: number; help: boolean };

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => stop.abort(new Error('stopped')));
}
try {
  process.exitCode = await run(process.argv.slice(2), stop.signal);
} catch (error) {
  const isSetting = error instanceof AppError && error.code === 'SETTINGS_INVALID';
  console.error(`no snapshot: ${messageOf(error)}${isSetting ? '; is npm start running?' : ''}`);
  process.exitCode = 1;
}

/** @returns the exit code */
async function run(argv: string[], signal: AbortSignal): Promise<number> {
  const args = readArguments(argv);
  if (args === null || args.help) {
    console.log(USAGE);
    return args === null ? 2 : 0;
  }
  const log = await openLog();
  const { everyMs, minRecords } = args;
  if (everyMs === null) {
    await once(log, minRecords, signal);
    return 0;
  }
  while (!signal.aborted) {
    try {
      await once(log, minRecords, signal);
    } catch (error) {
      if (signal.aborted) break;
      if (!(error instanceof AppError && error.retriable === true)) throw error;
      console.error(`no snapshot, trying again in its turn: ${error.message}`);
    }
    await pause(everyMs, signal);
  }
  console.log('stopped');
  return 0;
}

async function openLog(): Promise<Log> {
  const read = readSettings(withRunEnv(process.env, ADDRESSES));
  const settings = {
    brokers: read.hosts('KAFKA_BROKERS'),
    registryUrl: read.url('SCHEMA_REGISTRY_URL', ['http://', 'https://']),
    topicPrefix: read.text('TOPIC_PREFIX', ''),
  };
  read.finish();
  const { brokers, registryUrl, topicPrefix } = settings;
  const logger = createLogger('snapshot', 'error');
  return {
    kafka: createKafka({ brokers, clientId: 'firstcome-snapshot' }, logger),
    codec: await createEventCodec({ registryUrl, topicPrefix, schemas: readOwnSchemas() }),
    topicPrefix,
  };
}

async function once(log: Log, minRecords: number, signal: AbortSignal): Promise<void> {
  const startedMs = performance.now();
  const result = await takeSnapshot({ ...log, minRecords, report: console.log, signal });
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  console.log(`${say(result)}, in ${seconds} s`);
}

function say(result: SnapshotResult): string {
  if (result.kind === 'not-needed') return `nothing to do: ${result.newRecords} new records`;
  const { completed, recordsRead, stoppedAt } = result;
  const { snapshotId, coupons, assignments, records, chunks } = completed;
  return [
    ...stoppedAt.map((place) => `it ends before a record that nobody can read: ${place}`),
    `snapshot ${snapshotId}: ${coupons} coupons, ${assignments} assignments in ${chunks} chunks, ` +
      `for ${records} records, of which ${recordsRead} were read`,
  ].join('\n');
}

function readArguments(argv: string[]): Arguments | null {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        every: { type: 'string' },
        'min-records': { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    const minutes = numberIn(values.every);
    const minRecords = numberIn(values['min-records']);
    // The most that a timer can wait.
    if (minutes !== null && !(minutes > 0 && minutes * MINUTE_MS < 2 ** 31)) return null;
    if (minRecords !== null && !(Number.isSafeInteger(minRecords) && minRecords >= 0)) return null;
    return {
      everyMs: minutes === null ? null : minutes * MINUTE_MS,
      minRecords: minRecords ?? (minutes === null ? 0 : MIN_RECORDS_OF_EVERY),
      help: values.help,
    };
  } catch {
    return null;
  }
}

/** null: not said; NaN: no number. */
function numberIn(text: string | undefined): number | null {
  if (text === undefined) return null;
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
}
