// The addresses of the running `npm start`, for commands that are given none.
import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import type { Environment } from '../../platform/settings.ts';

/** Where `npm start` keeps data, logs and addresses, as seen from the repository's root. */
export const RUN_FOLDER = '.firstcome/run';

const RUN_ENV = new URL(`../../${RUN_FOLDER}/env`, import.meta.url);

/**
 * `env`, with what it lacks taken from the running `npm start`; but only when `env` has none of
 * `names`: half of one system and half of another would be neither.
 */
export function withRunEnv(
  env: Environment,
  names: readonly string[],
  file: URL = RUN_ENV,
): Environment {
  const isSet = (name: string): boolean => env[name] !== undefined && env[name] !== '';
  if (names.some(isSet) || !existsSync(file)) return env;
  const own = Object.fromEntries(Object.entries(env).filter(([name]) => isSet(name)));
  return { ...parseEnv(readFileSync(file, 'utf8')), ...own };
}
