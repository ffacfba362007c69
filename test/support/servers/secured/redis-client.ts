// One command to a Redis or Sentinel behind TLS and a login, on a connection of its own.
import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import type { SecuredContext } from './launch.ts';

/** Sends commands to `port` as this user; each connects anew. */
export function createSecuredClient(
  { certificates }: SecuredContext,
  port: number,
  { user, password }: { user: string; password: string },
): (command: string, ...args: string[]) => Promise<unknown> {
  return async (command, ...args) => {
    const redis = new Redis({
      ...{ host: '127.0.0.1', port, username: user, password },
      tls: { ca: readFileSync(certificates.ca) },
      lazyConnect: true,
      retryStrategy: null,
      enableReadyCheck: false,
      maxRetriesPerRequest: 0,
    });
    redis.on('error', () => undefined);
    try {
      await redis.connect();
      return await redis.call(command, ...args);
    } finally {
      redis.disconnect();
    }
  };
}
