// firstcome rebuild-redis: rebuilds Redis from the log, whether it seems to need it or not. Callers of
// the command APIs get 503 while it runs; units that were decided but are not in the log come back.
import type { Command } from 'commander';
import { createRedisKeys } from '../contracts/redis-keys.ts';
import { createLogger } from '../platform/logger.ts';
import { createRedis, redisUnavailable } from '../platform/redis.ts';
import { type Environment, readSettings } from '../platform/settings.ts';
import { type RebuildResult, rebuildRedis } from '../redis-rebuild/rebuild.ts';
import { readAddresses, systemEnvironment } from './shared/addresses.ts';
import { openLog } from './shared/connect.ts';
import { type ExitCode, endingWith, exitCodeOf } from './shared/exit-code.ts';
import { createOutput, type Output, withJsonOption } from './shared/output.ts';
import { secondsSinceMs } from './shared/seconds.ts';
import { stopOnSignals } from './shared/stop-signal.ts';

const COMMAND_TIMEOUT_MS = 10_000;

export function defineRebuildRedis(command: Command): void {
  command.description(
    'Rebuilds Redis from the log, in a new epoch. The command APIs answer 503 meanwhile. ' +
      'REBUILD_LAG_MS and IDEMPOTENCY_TTL_MS should be those of the command APIs.',
  );
  withJsonOption(command).action(endingWith(runRebuildRedis));
}

async function runRebuildRedis(options: { json?: boolean }): Promise<ExitCode> {
  const output = createOutput(options);
  const result = await rebuild(systemEnvironment(), output, stopOnSignals());
  output.result(result, formatRebuild(result));
  return exitCodeOf(result.kind === 'rebuilt' && result.uncreated.length === 0);
}

async function rebuild(
  env: Environment,
  { progress }: Output,
  signal: AbortSignal,
): Promise<RebuildResult> {
  const {
    redis: connection,
    redisKeyPrefix,
    ...addresses
  } = readAddresses(env, ['kafka', 'registry', 'redis', 'topicPrefix', 'redisKeyPrefix']);
  const times = parseTimes(env);
  const log = await openLog('rebuild-redis', addresses);
  const logger = createLogger('rebuild-redis', 'error');
  const redis = createRedis({ ...connection, commandTimeoutMs: COMMAND_TIMEOUT_MS }, logger);
  const startedMs = performance.now();
  try {
    await redis.connect().catch((cause: unknown) => {
      throw redisUnavailable(cause);
    });
    return await rebuildRedis({
      ...log,
      ...times,
      redis,
      signal,
      keys: createRedisKeys(redisKeyPrefix),
      report: (line) => progress(`${secondsSinceMs(startedMs).padStart(6)} s  ${line}`),
    });
  } finally {
    redis.disconnect();
  }
}

function parseTimes(env: Environment) {
  const read = readSettings(env);
  const times = {
    lagMs: read.integer('REBUILD_LAG_MS', 0, { min: 0, max: 600_000 }),
    idempotencyTtlMs: read.integer('IDEMPOTENCY_TTL_MS', 48 * 3_600_000, {
      min: 24 * 3_600_000,
      max: 366 * 24 * 3_600_000,
    }),
  };
  read.finish();
  return times;
}

function formatRebuild(result: RebuildResult): string {
  switch (result.kind) {
    case 'rebuilt': {
      const { epoch, coupons, assignments, records, snapshot } = result;
      const { fenced, discarded, uncreated, parts } = result;
      return [
        `Redis is rebuilt and open for epoch ${epoch}: ${coupons} coupons, ${assignments} assignments, ` +
          `in ${(parts.total / 1_000).toFixed(1)} s`,
        snapshot === null
          ? `${records} records were read`
          : `${records - snapshot.records} records were read; a snapshot stood for the other ${snapshot.records}`,
        ...(fenced > 0 ? [`${fenced} events are fenced`] : []),
        ...(discarded > 0 ? [`${discarded} records were passed over: they are discarded`] : []),
        ...uncreated.map(
          (id) => `coupon ${id} has assignments, but its creation is not in the log`,
        ),
      ].join('\n');
    }
    case 'held-by-another':
      return 'another process is rebuilding Redis now; nothing was done';
    case 'not-needed':
      return 'nothing was done';
    case 'lost':
      return `given up: ${result.reason}; Redis stays closed until the next rebuild, so run it again`;
  }
}
