// npm start: everything from nothing, a rush to see it work, then serving until Ctrl-C.
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { rushAndReport } from '../loadtest/scenarios/run-rush.ts';
import { AppError } from '../platform/errors.ts';
import { secondsSince } from '../stack/install/installer.ts';
import { aborted, stopSignal } from '../stack/process/stop-signals.ts';
import { type Services, startServices } from '../stack/services.ts';
import { type Stack, stackVariables, startStack } from '../stack/stack.ts';
import { StackError } from '../stack/stack-error.ts';
import { readState, writeState } from '../stack/stack-state.ts';
import { migrate, parseMigrateSettings } from './migrate.ts';

const FOLDER = '.firstcome/run';

await main(process.argv.slice(2)).catch((error: unknown) => {
  const isOurs = error instanceof StackError || error instanceof AppError;
  console.error(isOurs ? error.message : error);
  process.exitCode = 1;
});

async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { 'no-rush': { type: 'boolean', default: false } },
  });
  const signal = stopSignal();
  const startMs = performance.now();
  const folder = resolve(FOLDER);
  const onDeath = (name: string, lines: string[]): void =>
    console.error([`${name} died, it is started again:`, ...lines].join('\n  '));
  const report = (line: string): void => console.log(line);
  let stack: Stack | undefined;
  let services: Services | undefined;
  try {
    stack = await startStack({
      folder,
      parts: ['kafka', 'registry', 'redis', 'mysql'],
      restart: true,
      report,
      onDeath,
      signal,
    });
    const variables = stackVariables(stack);
    await migrate(parseMigrateSettings(variables), report);
    services = await startServices({
      folder,
      variables,
      rememberedPorts: readState(folder).ports,
      restart: true,
      report,
      onDeath,
      signal,
    });
    const run = { ...variables, ...serviceVariables(services) };
    remember(folder, services, run);
    console.log(`everything serves … ${secondsSince(startMs)} s`);
    if (!values['no-rush']) await rushAndReport({ variables: run, signal });
    console.log(whatToTry(folder, services));
    await aborted(signal);
    console.log('stopping');
  } catch (error) {
    // Who presses Ctrl-C during the start has asked for no error.
    if (!signal.aborted) throw error;
  } finally {
    await services?.stop();
    await stack?.stop();
  }
}

function serviceVariables({ urls }: Services): Record<string, string> {
  return {
    COMMAND_API_URL: urls['command-api'],
    QUERY_API_URL: urls['query-api'],
    PROJECTOR_URL: urls.projector,
  };
}

/** Keeps the ports for the next start and the addresses for the tools and for `. .firstcome/run/env`. */
function remember(folder: string, services: Services, run: Record<string, string>): void {
  const state = readState(folder);
  writeState(folder, { ...state, ports: { ...state.ports, ...services.ports }, addresses: run });
  const lines = Object.entries(run).map(([key, value]) => `${key}=${value}\n`);
  writeFileSync(join(folder, 'env'), lines.join(''), { mode: 0o600 });
}

function whatToTry(folder: string, { urls }: Services): string {
  const json = `-H 'Content-Type: application/json'`;
  const coupon = `{"title":"커피 쿠폰","quantity":3,"startDate":"2026-01-01T00:00:00Z","endDate":"2099-01-01T00:00:00Z"}`;
  const first = 'demo-1';
  return `
Try it (addresses are in ${join(FOLDER, 'env')}; logs in ${join(folder, 'logs')}):

  ID=$(curl -s ${urls['command-api']}/coupons ${json} -d '${coupon}' | grep -o '[0-9a-f-]\\{36\\}' | head -1); echo "coupon $ID"
  curl -si ${urls['command-api']}/coupons/$ID/assign ${json} -H 'Idempotency-Key: ${first}' -d '{"userId":"ann"}'
  curl -s ${urls['query-api']}/coupons/$ID/assignments

  npm run verify            every invariant, checked on what is running now
  npm run schemas -- list   the registry; npm run schemas -- decode coupon-assign 0 1

Ctrl-C stops everything; the data stays for the next start (npm run stack:reset empties it).`;
}
