// What can be done to a running system, and how it is undone: the same for the suite of single faults
// and for random schedules of them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServiceName } from '../../stack/services.ts';
import type { Link } from '../support/faults/faulty-network.ts';
import { connectRedis } from '../support/system/redis.ts';
import { waitUntil } from '../support/wait-until.ts';
import type { FaultEnvironment } from './environment.ts';

export type Fault = {
  name: string;
  /** What it happens to: a part has one fault at a time. */
  part: string;
  begin(environment: FaultEnvironment): Promise<unknown>;
  /** From `begin` to `end`; 0 when not said. */
  lastsMs?: number;
  /** Undoes it; left out: nothing is left to undo. */
  end?(environment: FaultEnvironment): Promise<unknown>;
  /** What a service writes to its log because of it: else it had no effect. */
  trace?: readonly [ServiceName, string];
};

export type Broker = 'kafka-1' | 'kafka-2' | 'kafka-3';
type Server = Broker | 'redis' | 'mysql' | 'registry';
type Service = ServiceName | 'command-api-2';

/** A script's time is that of its core, which it may have to share. */
const BUSY_LIMIT_MS = 60_000;
const PROBE_TURNS = 10_000_000;

export const BROKERS: readonly Broker[] = ['kafka-1', 'kafka-2', 'kafka-3'];

/** kill -9 of one of our processes; its supervisor brings it back. */
export function serviceKilled(service: Service): Fault {
  return {
    name: `${service}: kill -9`,
    part: service,
    begin: async ({ process }) => {
      const killed = process(service);
      killed.kill('SIGKILL');
      await killed.exited;
    },
  };
}

/** A process of ours gets no time at all, as on a machine that swaps. */
export function serviceFrozen(service: Service, lastsMs: number): Fault {
  return {
    name: `${service}: SIGSTOP for ${secondsOf(lastsMs)}`,
    part: service,
    lastsMs,
    begin: async ({ process }) => process(service).kill('SIGSTOP'),
    end: async ({ process }) => process(service).kill('SIGCONT'),
  };
}

/** kill -9 of a server, which is started again after a while. */
export function serverKilled(server: Server, lastsMs: number): Fault {
  return {
    name: `${server}: kill -9, back after ${secondsOf(lastsMs)}`,
    part: server,
    lastsMs,
    begin: ({ parts }) => parts.signal(server, 'SIGKILL'),
    end: ({ parts }) => parts.start(server),
  };
}

/** A server is shut down in order, and started again after a while. */
export function serverStopped(server: Server, lastsMs: number): Fault {
  return {
    name: `${server}: stopped, back after ${secondsOf(lastsMs)}`,
    part: server,
    lastsMs,
    begin: ({ parts }) => parts.signal(server, 'SIGTERM'),
    end: ({ parts }) => parts.start(server),
  };
}

/** A server that keeps its connections and answers nothing. */
export function serverFrozen(server: Server, lastsMs: number): Fault {
  return {
    name: `${server}: SIGSTOP for ${secondsOf(lastsMs)}`,
    part: server,
    lastsMs,
    begin: ({ parts }) => parts.signal(server, 'SIGSTOP'),
    end: ({ parts }) => parts.signal(server, 'SIGCONT'),
  };
}

/** Several servers killed at the same time, and started again at the same time. */
export function allKilled(servers: readonly Server[], lastsMs: number): Fault {
  const each = servers.map((server) => serverKilled(server, lastsMs));
  return {
    name: `${servers.join(', ')}: kill -9, back after ${secondsOf(lastsMs)}`,
    part: servers.join(),
    lastsMs,
    begin: (environment) => Promise.all(each.map(({ begin }) => begin(environment))),
    end: (environment) => Promise.all(each.map(({ end }) => end?.(environment))),
  };
}

/** kill -9 of the broker that leads the quorum of controllers. */
export function controllerKilled(lastsMs: number): Fault {
  let leader: Broker = 'kafka-1';
  return {
    name: `the controller: kill -9, back after ${secondsOf(lastsMs)}`,
    part: 'kafka-1,kafka-2,kafka-3',
    lastsMs,
    begin: ({ parts }) => {
      const file = 'kafka-1/log/__cluster_metadata-0/quorum-state';
      const { leaderId } = JSON.parse(readFileSync(join(parts.folder, 'data', file), 'utf8'));
      leader = BROKERS[leaderId - 1] ?? leader;
      return parts.signal(leader, 'SIGKILL');
    },
    end: ({ parts }) => parts.start(leader),
  };
}

/** Redis gets these commands, one after the other, on one connection. */
export function redisTold(...commands: [string, ...(string | number)[]][]): Fault {
  return {
    name: `redis: ${commands.map((command) => command.join(' ')).join(', ')}`,
    part: 'redis',
    begin: async ({ system }) => {
      const redis = await connectRedis(system.variables.REDIS_URL);
      try {
        for (const [name, ...args] of commands) await redis.call(name, ...args);
      } finally {
        redis.disconnect();
      }
    },
  };
}

/** A script of somebody else's runs so long: Redis answers nothing, and after 5 s that it is busy. */
export function redisBusy(lastsMs: number): Fault {
  // By turns and not by a clock: some versions stop the clock while a script runs.
  const script = 'local n = 0 for i = 1, tonumber(ARGV[1]) do n = n + i end return 1';
  return {
    name: `redis: busy with a script for ${secondsOf(lastsMs)}`,
    part: 'redis',
    lastsMs,
    begin: async ({ system }) => {
      const redis = await connectRedis(system.variables.REDIS_URL);
      const startedMs = performance.now();
      await redis.eval(script, 0, PROBE_TURNS);
      const turns = (PROBE_TURNS * lastsMs) / (performance.now() - startedMs);
      // Its answer comes when all is over, and matters to nobody.
      void redis
        .eval(script, 0, Math.round(turns))
        .catch(() => undefined)
        .finally(() => redis.disconnect());
    },
    end: ({ system }) =>
      waitUntil(
        'Redis answers again',
        async () => {
          const redis = await connectRedis(system.variables.REDIS_URL).catch(() => undefined);
          redis?.disconnect();
          return redis !== undefined;
        },
        BUSY_LIMIT_MS,
      ),
  };
}

/** Redis is killed with nothing on its disk: what comes back is empty. */
export function redisLost(): Fault {
  return {
    name: 'redis: FLUSHALL and kill -9, back empty',
    part: 'redis',
    begin: async (environment) => {
      await redisTold(['FLUSHALL']).begin(environment);
      await environment.parts.signal('redis', 'SIGKILL');
    },
    end: ({ parts }) => parts.start('redis'),
  };
}

const SLOW_MS = 50;

/** A link is cut, stalled, slow, or passes no answers on; `cut again and again` cuts it every 2 s. */
export function linkHurt(
  link: Link,
  how: 'cut' | 'stalled' | 'answers stalled' | 'slow' | 'cut again and again',
  lastsMs: number,
): Fault {
  let timer: NodeJS.Timeout | undefined;
  const each = (
    environment: FaultEnvironment,
    act: 'cut' | 'stall' | 'stallAnswers' | 'mend',
  ): void => {
    for (const proxy of environment.links().of(link)) proxy[act]();
  };
  const begins: Record<typeof how, (environment: FaultEnvironment) => void> = {
    cut: (environment) => each(environment, 'cut'),
    stalled: (environment) => each(environment, 'stall'),
    'answers stalled': (environment) => each(environment, 'stallAnswers'),
    slow: (environment) => {
      for (const proxy of environment.links().of(link)) proxy.slow(SLOW_MS);
    },
    'cut again and again': (environment) => {
      timer = setInterval(() => {
        each(environment, 'cut');
        each(environment, 'mend');
      }, 2_000);
    },
  };
  const what = how === 'slow' ? `${SLOW_MS} ms slower each way` : how;
  return {
    name: `${link}: ${what} for ${secondsOf(lastsMs)}`,
    part: link,
    lastsMs,
    begin: async (environment) => begins[how](environment),
    end: async (environment) => {
      clearInterval(timer);
      each(environment, 'mend');
    },
  };
}

function secondsOf(ms: number): string {
  return `${ms / 1_000} s`;
}
