// npm start: everything from nothing, in the foreground until Ctrl-C.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { secondsSince } from './installer.ts';
import { startServices } from './services.ts';
import { type Stack, startStack } from './stack.ts';
import { StackError } from './stack-error.ts';
import { aborted, stopSignal } from './stop-signals.ts';
import type { ManagedProcess } from './supervisor.ts';

const FOLDER = '.firstcome/run';

await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof StackError ? error.message : error);
  process.exitCode = 1;
});

async function main(args: string[]): Promise<void> {
  parseArgs({ args, options: { 'no-rush': { type: 'boolean', default: false } } });
  const signal = stopSignal();
  const startMs = performance.now();
  const folder = resolve(FOLDER);
  let stack: Stack | undefined;
  let services: ManagedProcess[] = [];
  try {
    stack = await startStack({
      folder,
      parts: ['kafka', 'registry', 'redis', 'mysql'],
      restart: true,
      report: (line) => console.log(line),
      onDeath: (name, lines) => console.error([`${name} died:`, ...lines].join('\n  ')),
      signal,
    });
    services = await startServices(stack, folder);
    console.log(`everything serves … ${secondsSince(startMs)} s; Ctrl-C stops it`);
    await aborted(signal);
    console.log('stopping');
  } catch (error) {
    // Who presses Ctrl-C during the start has asked for no error.
    if (!signal.aborted) throw error;
  } finally {
    for (const service of services.toReversed()) await service.stop();
    await stack?.stop();
  }
}
