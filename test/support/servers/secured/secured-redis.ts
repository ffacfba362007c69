// A Redis master with a replica and a Sentinel; all of them take TLS and an ACL user only.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { redisProgram } from '../../../../stack/servers/redis.ts';
import { waitUntil } from '../../wait-until.ts';
import type { SecuredContext } from './launch.ts';
import { createSecuredClient } from './redis-client.ts';

export type SecuredRedis = {
  port: number;
  replicaPort: number;
  sentinelPort: number;
  /** The name that the Sentinel knows the master by. */
  master: string;
  /** Waits until the Sentinel could make the replica the master. */
  canFailOver(): Promise<void>;
  /** Has the Sentinel make the replica the master. */
  failOver(): Promise<void>;
};

export type RedisLogins = {
  redis: { user: string; password: string };
  sentinel: { user: string; password: string };
};

const MASTER = 'firstcome';

/** Starts all three. */
export async function startSecuredRedis(
  context: SecuredContext,
  logins: RedisLogins,
): Promise<SecuredRedis> {
  const [port, replicaPort, sentinelPort] = [
    await context.port(),
    await context.port(),
    await context.port(),
  ];
  const { user, password } = logins.redis;
  const common = (at: number, name: string) => [
    ...tlsLines(context, at, name),
    ...userLines(logins.redis),
  ];
  const replication = [
    'tls-replication yes',
    `masteruser ${user}`,
    `masterauth ${quoted(password)}`,
    'repl-diskless-sync-delay 0',
  ];
  await start(context, 'redis', port, [...common(port, 'redis'), ...replication], logins.redis);
  await start(
    context,
    'replica',
    replicaPort,
    [...common(replicaPort, 'replica'), ...replication, `replicaof 127.0.0.1 ${port}`],
    logins.redis,
  );
  const sentinelLines = [
    ...tlsLines(context, sentinelPort, 'sentinel'),
    ...userLines(logins.sentinel),
    'tls-replication yes',
    `sentinel monitor ${MASTER} 127.0.0.1 ${port} 1`,
    `sentinel auth-user ${MASTER} ${user}`,
    `sentinel auth-pass ${MASTER} ${quoted(password)}`,
  ];
  await start(context, 'sentinel', sentinelPort, sentinelLines, logins.sentinel);
  const asSentinel = createSecuredClient(context, sentinelPort, logins.sentinel);
  return {
    ...{ port, replicaPort, sentinelPort, master: MASTER },
    canFailOver: () =>
      waitUntil('the Sentinel knows a replica that is in step', async () => {
        const replicas = String(await asSentinel('SENTINEL', 'REPLICAS', MASTER));
        return replicas.includes('master-link-status,ok') ? true : undefined;
      }).then(() => undefined),
    failOver: async () => {
      await asSentinel('SENTINEL', 'FAILOVER', MASTER);
    },
  };
}

async function start(
  context: SecuredContext,
  name: string,
  port: number,
  lines: string[],
  login: { user: string; password: string },
): Promise<void> {
  const file = join(context.folder(name), 'server.conf');
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  const { command, args } = await redisProgram();
  const send = createSecuredClient(context, port, login);
  await context.launch({
    name,
    command,
    args: [...args, file, ...(name === 'sentinel' ? ['--sentinel'] : [])],
    ready: () => send('PING'),
  });
}

function tlsLines({ certificates, folder }: SecuredContext, port: number, name: string): string[] {
  return [
    'port 0',
    `tls-port ${port}`,
    'bind 127.0.0.1 -::1',
    `dir ${folder(name)}`,
    `tls-cert-file ${certificates.certificate}`,
    `tls-key-file ${certificates.key}`,
    `tls-ca-cert-file ${certificates.ca}`,
    'tls-auth-clients no',
  ];
}

/** By its hash, so that a password may hold whatever it likes. */
function userLines({ user, password }: { user: string; password: string }): string[] {
  const hash = createHash('sha256').update(password).digest('hex');
  return ['user default off', `user ${user} on #${hash} ~* &* +@all`];
}

function quoted(password: string): string {
  return `"${password.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
