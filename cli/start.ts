// firstcome start: everything from nothing, a rush to see it work, then serving until Ctrl-C.
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { migrate } from '../admin/migrate.ts';
import { rushAndReport } from '../loadtest/scenarios/run-rush.ts';
import { aborted, stopSignal } from '../stack/process/stop-signals.ts';
import { type Services, startServices } from '../stack/services.ts';
import { type Stack, stackVariables, startStack } from '../stack/stack.ts';
import { readState, writeState } from '../stack/stack-state.ts';
import { readAddresses } from './shared/addresses.ts';
import { EXIT_CODE, type ExitCode, endingWith } from './shared/exit-code.ts';
import { RUN_FOLDER } from './shared/run-env.ts';
import { secondsSinceMs } from './shared/seconds.ts';

export function defineStart(command: Command): void {
  command
    .description(
      'Starts three Kafka brokers, the registry, Redis, MySQL and the three services, runs a rush and ' +
        'checks every invariant, then serves until Ctrl-C.',
    )
    .option('--no-rush', 'leave the rush out')
    .action(endingWith(runStart));
}

async function runStart({ rush }: { rush: boolean }): Promise<ExitCode> {
  const signal = stopSignal();
  const startedMs = performance.now();
  const folder = resolve(RUN_FOLDER);
  const running: { stack?: Stack; services?: Services } = {};
  try {
    running.stack = await startParts(folder, signal);
    const variables = stackVariables(running.stack);
    running.services = await startAll(folder, variables, signal);
    const run = { ...variables, ...serviceVariables(running.services) };
    remember(folder, running.services, run);
    console.log(`everything serves … ${secondsSinceMs(startedMs)} s`);
    if (rush) await rushAndReport({ variables: run, signal });
    console.log(formatExamples(folder, running.services));
    await aborted(signal);
    console.log('stopping');
  } catch (error) {
    // Who presses Ctrl-C during the start has asked for no error.
    if (!signal.aborted) throw error;
  } finally {
    await running.services?.stop();
    await running.stack?.stop();
  }
  return EXIT_CODE.done;
}

function startParts(folder: string, signal: AbortSignal): Promise<Stack> {
  return startStack({
    folder,
    parts: ['kafka', 'registry', 'redis', 'mysql'],
    restart: true,
    report,
    onDeath: reportDeath,
    signal,
  });
}

async function startAll(
  folder: string,
  variables: Record<string, string>,
  signal: AbortSignal,
): Promise<Services> {
  await migrate(readAddresses(variables, ['kafka', 'registry', 'mysql', 'topicPrefix']), report);
  return startServices({
    folder,
    variables,
    rememberedPorts: readState(folder).ports,
    restart: true,
    report,
    onDeath: reportDeath,
    signal,
  });
}

function report(line: string): void {
  console.log(line);
}

function reportDeath(name: string, lines: string[]): void {
  console.error([`${name} died, it is started again:`, ...lines].join('\n  '));
}

function serviceVariables({ urls }: Services): Record<string, string> {
  return {
    COMMAND_API_URL: urls['command-api'],
    QUERY_API_URL: urls['query-api'],
    PROJECTOR_URL: urls.projector,
  };
}

/** Keeps the ports for the next start and the addresses for other commands and for a shell. */
function remember(folder: string, services: Services, run: Record<string, string>): void {
  const state = readState(folder);
  writeState(folder, { ...state, ports: { ...state.ports, ...services.ports }, addresses: run });
  const lines = Object.entries(run).map(([key, value]) => `${key}=${value}\n`);
  writeFileSync(join(folder, 'env'), lines.join(''), { mode: 0o600 });
}

function formatExamples(folder: string, { urls }: Services): string {
  const json = `-H 'Content-Type: application/json'`;
  const coupon = `{"title":"커피 쿠폰","quantity":3,"startDate":"2026-01-01T00:00:00Z","endDate":"2099-01-01T00:00:00Z"}`;
  return `
Try it (addresses are in ${join(RUN_FOLDER, 'env')}; logs in ${join(folder, 'logs')}):

  ID=$(curl -s ${urls['command-api']}/coupons ${json} -H 'Idempotency-Key: demo-coupon' -d '${coupon}' | grep -o '[0-9a-f-]\\{36\\}' | head -1); echo "coupon $ID"
  curl -si ${urls['command-api']}/coupons/$ID/assign ${json} -H 'Idempotency-Key: demo-1' -d '{"userId":"ann"}'
  curl -s ${urls['query-api']}/coupons/$ID/assignments

  npm run verify            every invariant, checked on what is running now
  npm run schemas -- list   the registry; npm run schemas -- decode coupon-assign 0 1

Ctrl-C stops everything; the data stays for the next start (npm run stack:reset empties it).`;
}
