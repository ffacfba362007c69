// The Redis client of a process, and Lua scripts on it.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Redis, type RedisOptions, ReplyError } from 'ioredis';
import { addressParts, hostAndPortOf } from './address.ts';
import type { Login } from './connections/login.ts';
import type { RedisConnection, SentinelSettings } from './connections/redis-settings.ts';
import { type TlsSettings, tlsOptionsOf } from './connections/tls.ts';
import { AppError, messageOf } from './errors.ts';
import type { Logger } from './logger.ts';

export type RedisSettings = RedisConnection & { commandTimeoutMs: number };

const CONNECT_TIMEOUT_MS = 2_000;
/** Rounds through all Sentinels before the first connection is given up; later ones never are. */
const FIRST_SENTINEL_ROUNDS = 3;

/**
 * A client that never sends anything twice and keeps nothing for later: no offline queue, no resend
 * after a reconnect (a half-sent script may have run). Commands of one turn of the event loop go
 * out together. Not connected yet; call `connect`.
 */
export function createRedis({ commandTimeoutMs, ...server }: RedisSettings, logger: Logger): Redis {
  let wasReady = false;
  const options = {
    ...(server.sentinel === undefined
      ? placeOf(server)
      : placeBySentinels(server.sentinel, {
          tls: server.tls,
          isFirst: () => !wasReady,
        })),
    ...loginOf(server.login),
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    enableAutoPipelining: true,
    commandTimeout: commandTimeoutMs,
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: retryAfterMs,
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  } satisfies RedisOptions;
  const redis = new Redis<'legacy'>(options);
  redis.once('ready', () => {
    wasReady = true;
  });
  redis.on('error', (error: Error) => logger.warn({ reason: error.message }, 'Redis connection'));
  return redis;
}

/** Options that leave open how replies are mapped: the client's type depends on it. */
type Place = Omit<RedisOptions, 'replyMapping'>;

function retryAfterMs(attempt: number): number {
  return Math.min(50 * 2 ** attempt, 1_000);
}

function placeOf({ url, tls }: RedisConnection): Place {
  const { scheme, host, port, path, user, password } = addressParts(url, ['redis://', 'rediss://']);
  return {
    ...{ host, port: port ?? 6_379, db: Number(path) },
    ...(password === '' ? {} : loginOf({ user, password })),
    ...(tls === undefined && scheme === 'redis://' ? {} : { tls: tlsOptionsOf(tls ?? {}) }),
  };
}

/**
 * Every connection asks the Sentinels first who is master. Where none of them knows one, it is asked
 * for as long as there was one before; a first connection fails as one without Sentinels does.
 */
function placeBySentinels(
  { hosts, master, login, tls: tlsToSentinels }: SentinelSettings,
  redis: { tls: TlsSettings | undefined; isFirst: () => boolean },
): Place {
  return {
    sentinels: hosts.flatMap((text) => hostAndPortOf(text) ?? []),
    name: master,
    role: 'master',
    sentinelCommandTimeout: CONNECT_TIMEOUT_MS,
    sentinelRetryStrategy: (round) =>
      redis.isFirst() && round >= FIRST_SENTINEL_ROUNDS ? null : retryAfterMs(round),
    // So that a connection to an old master that nobody ends is ended when another one is named.
    failoverDetector: true,
    ...(login === undefined
      ? {}
      : {
          ...(login.user === '' ? {} : { sentinelUsername: login.user }),
          sentinelPassword: login.password,
        }),
    ...(tlsToSentinels === undefined ? {} : { sentinelTLS: tlsOptionsOf(tlsToSentinels) }),
    ...(redis.tls === undefined
      ? {}
      : { enableTLSForSentinelMode: true, tls: tlsOptionsOf(redis.tls) }),
  };
}

function loginOf(login: Login | undefined): Place {
  if (login === undefined) return {};
  const { user, password } = login;
  return user === '' ? { password } : { username: user, password };
}

/** A script by keys and arguments; gives Redis' reply. */
export type Script = (keys: string[], args: (string | number)[]) => Promise<unknown>;

/**
 * The Lua script in `file`, behind the one in `prelude` if there is one: both run as one script, so a
 * `return` of the prelude ends the whole. It is sent by its hash, and whole when Redis does not know it (a new
 * server, SCRIPT FLUSH): then nothing has run, so sending it again is safe.
 * @throws AppError REDIS_REFUSED (retriable) when Redis refused it before it had changed anything;
 * REDIS_UNAVAILABLE (retriable) when the outcome of the call is not known, or nothing could be sent
 */
export function createScript(redis: Redis, file: URL, prelude?: URL): Script {
  const parts = prelude === undefined ? [file] : [prelude, file];
  const lua = parts.map((part) => readFileSync(part, 'utf8')).join('\n');
  const sha = createHash('sha1').update(lua).digest('hex');
  return async (keys, args) => {
    try {
      return await redis.evalsha(sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!messageOf(error).startsWith('NOSCRIPT')) throw failureOf(error);
    }
    try {
      return await redis.eval(lua, keys.length, ...keys, ...args);
    } catch (error) {
      throw failureOf(error);
    }
  };
}

/**
 * What Redis says in the place of a whole script, or of the first write in it, and never after that
 * one: a script that has begun to write is let through to its end.
 */
const REFUSALS: ReadonlySet<string> = new Set([
  'OOM',
  'MISCONF',
  'READONLY',
  'NOREPLICAS',
  'LOADING',
  'MASTERDOWN',
  'BUSY',
]);

/** The first word of what Redis answered with in the place of a result; null: no answer of Redis. */
export function replyErrorOf(error: unknown): string | null {
  return error instanceof ReplyError ? (messageOf(error).split(' ')[0] ?? '') : null;
}

// A script catches no error itself: what its first refused write says is what the call says.
function failureOf(cause: unknown): AppError {
  if (!REFUSALS.has(replyErrorOf(cause) ?? '')) return redisUnavailable(cause);
  return new AppError('REDIS_REFUSED', `Redis: ${messageOf(cause)}`, { cause, retriable: true });
}

/** A failed call of Redis as an error of ours, with the cause. */
export function redisUnavailable(cause: unknown): AppError {
  return new AppError('REDIS_UNAVAILABLE', `Redis: ${messageOf(cause)}`, {
    cause,
    retriable: true,
  });
}
