// npm run model: checks the models in spec/ against what has to come out, and prints a table.
import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { messageOf } from '../../platform/errors.ts';
import { type Checker, createChecker, type ModelVerdict } from './model-checker.ts';
import { MODEL_RUNS, type ModelRun } from './model-runs.ts';

const USAGE = `npm run model -- [--bounded] [--run NAME ...]
  --bounded    the small runs only: about half a minute
  --run NAME   this run, whichever form it belongs to; may be repeated
Ends with 0 when no promise is violated in a safe run and every broken variant is caught. The
counterexamples are in spec/out/.`;

const OUT = new URL('../out/', import.meta.url);
const MEMORY_MB = 6_000;
const TIMEOUT_MS = 600_000;

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}

async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      bounded: { type: 'boolean', default: false },
      run: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  });
  const unknown = values.run.filter((name) => !MODEL_RUNS.some((known) => known.name === name));
  if (values.help || unknown.length > 0) {
    if (unknown.length > 0) console.error(`no such run: ${unknown.join(', ')}`);
    console.log(USAGE);
    return values.help ? 0 : 2;
  }
  const chosen = MODEL_RUNS.filter(({ name, bounded }) =>
    values.run.length > 0 ? values.run.includes(name) : bounded || !values.bounded,
  );
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort());
  await mkdir(OUT, { recursive: true });
  const checker = await createChecker({
    large: !values.bounded,
    memoryMb: MEMORY_MB,
    timeoutMs: TIMEOUT_MS,
    signal: stopped.signal,
  });
  try {
    return await checkAll(checker, chosen);
  } finally {
    await checker.close();
  }
}

async function checkAll(checker: Checker, chosen: readonly ModelRun[]): Promise<number> {
  const startedMs = performance.now();
  let states = 0;
  const wrong: string[] = [];
  console.log(row('model', 'run', 'states', 'seconds', 'verdict'));
  for (const modelRun of chosen) {
    const verdict = await checker.check(modelRun);
    if (verdict.kind === 'violated') {
      await writeFile(new URL(`${modelRun.name}.txt`, OUT), verdict.counterexample);
    }
    states += verdict.states;
    const { text, asExpected } = compare(modelRun, verdict);
    if (!asExpected) wrong.push(modelRun.name);
    const { model, name } = modelRun;
    console.log(row(model, name, `${verdict.states}`, verdict.seconds.toFixed(1), text));
    console.log(`        ${formatSettings(modelRun)}`);
  }
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0);
  const safe = chosen.filter(({ violates }) => violates === null).length;
  console.log(
    `${safe} safe runs, ${chosen.length - safe} broken variants, ${states} states, ${seconds} s`,
  );
  if (wrong.length === 0) return 0;
  console.log(`NOT as it has to be: ${wrong.join(', ')}`);
  return 1;
}

function compare(
  { violates }: ModelRun,
  verdict: ModelVerdict,
): { text: string; asExpected: boolean } {
  switch (verdict.kind) {
    case 'safe':
      return violates === null
        ? { text: 'holds', asExpected: true }
        : { text: 'NOT CAUGHT', asExpected: false };
    case 'violated':
      return verdict.promise === violates
        ? { text: `caught: ${verdict.promise}`, asExpected: true }
        : { text: `VIOLATED: ${verdict.promise}`, asExpected: false };
    case 'incomplete':
      return { text: `INCOMPLETE: ${verdict.reason}`, asExpected: false };
  }
}

function formatSettings({ rules, about, sizes, settings }: ModelRun): string {
  const flags = Object.entries({ ...sizes, ...settings }).map(
    ([name, value]) => `${name}=${value}`,
  );
  return `${[...rules, about].join(' ')}: ${flags.join(' ')}`;
}

function row(
  model: string,
  name: string,
  states: string,
  seconds: string,
  verdict: string,
): string {
  return `${model.padEnd(7)} ${name.padEnd(21)} ${states.padStart(10)} ${seconds.padStart(8)}  ${verdict}`;
}
