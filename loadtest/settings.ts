// Where the services to load are, in environment values.
import { type Environment, readSettings } from '../platform/settings.ts';

/**
 * The addresses of the two APIs; http only: the load generator speaks no TLS.
 * @throws AppError SETTINGS_INVALID naming every fault
 */
export function parseApiUrls(env: Environment): { commandApiUrl: string; queryApiUrl: string } {
  const read = readSettings(env);
  const urls = {
    commandApiUrl: read.url('COMMAND_API_URL', ['http://']),
    queryApiUrl: read.url('QUERY_API_URL', ['http://']),
  };
  read.finish();
  return urls;
}
