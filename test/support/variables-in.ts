// Addresses of servers that somebody else has started.
import { existsSync, readFileSync } from 'node:fs';

/** The variables in a file of NAME=value lines, as `npm run stack -- up` writes it. */
export function variablesIn(file: string | undefined): Record<string, string> {
  if (file === undefined) return {};
  if (!existsSync(file)) throw new Error(`${file} is not there: run npm run stack -- up`);
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.includes('='));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}
