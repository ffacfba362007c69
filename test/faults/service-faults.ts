// Faults of our own services that are more than a signal.

import { pause } from '../../platform/backoff.ts';
import { startExtraService } from '../support/system/extra-service.ts';
import { runCli } from '../support/system/run-cli.ts';
import type { LoadResult } from '../support/workload/sustained-load.ts';
import type { FaultEnvironment } from './environment.ts';
import type { Fault } from './fault.ts';

/** Another projector joins the group in the middle of the work, and leaves it; twice, once by kill -9. */
export function secondProjector(): Fault {
  const rounds = ['SIGTERM', 'SIGKILL'] as const;
  return {
    name: 'a second projector joins and leaves, and another is killed',
    part: 'projector',
    begin: async ({ system }) => {
      for (const signal of rounds) {
        const second = await startExtraService(system, 'projector');
        await pause(2_000);
        if (signal === 'SIGKILL') second.process.kill(signal);
        await second.close();
      }
    },
  };
}

/** The projector is killed while there is no registry: it can't start until there is one. */
export function withoutRegistry(lastsMs: number): Fault {
  return {
    name: `registry: down for ${lastsMs / 1_000} s, the projector killed meanwhile`,
    part: 'registry',
    lastsMs,
    begin: async ({ parts, process }) => {
      await parts.signal('registry', 'SIGKILL');
      const projector = process('projector');
      projector.kill('SIGKILL');
      await projector.exited;
    },
    end: ({ parts }) => parts.start('registry'),
  };
}

/** Each command API ends by SIGTERM and comes back, one after the other. */
export function allRestarted(): Fault {
  return {
    name: 'two command APIs restarted by SIGTERM, one after the other',
    part: 'command-api',
    begin: async ({ process }) => {
      for (const name of ['command-api', 'command-api-2'] as const) {
        await process(name).stop();
        await process(name).start();
      }
    },
  };
}

/** No request that was sent on a connection was without an answer, and no outcome was unknown. */
export async function noneLost(
  _environment: FaultEnvironment,
  { repeats }: LoadResult,
): Promise<string[]> {
  return Object.entries(repeats)
    .filter(([reason]) => reason !== 'connection refused')
    .map(([reason, count]) => `${count} requests were sent again: ${reason}`);
}

/** An operator's tool runs to its end while the workload keeps coming. */
export function toolRun(subcommand: string, ...args: string[]): Fault {
  return {
    name: `firstcome ${subcommand} under load`,
    part: 'redis',
    begin: async ({ system }) => {
      const { code, stdout, stderr } = await runCli(subcommand, args, system.variables);
      if (code !== 0) throw new Error(`${subcommand} ended with ${code}: ${stdout}${stderr}`);
    },
  };
}
