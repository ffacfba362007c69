// Turns commands away while this process is at capacity, before they are read, let alone decided.
import type { ShedLoad } from '../../http/server.ts';
import { type CommandContext, isAtCapacity } from '../commands/handle-command.ts';
import { OVERLOADED } from './answers.ts';
import type { HttpRoute } from './command-route.ts';

/** Sheds every POST while at capacity, and counts it as an answer of the command whose path it names. */
export function createShedLoad(
  context: Pick<CommandContext, 'publisher' | 'load' | 'metrics'>,
  routes: readonly Pick<HttpRoute, 'name' | 'path'>[],
): ShedLoad {
  const patterns = routes.map(({ name, path }) => ({ name, pattern: patternOf(path) }));
  return ({ method, url = '' }) => {
    if (method !== 'POST' || !isAtCapacity(context)) return null;
    const [path = ''] = url.split('?', 1);
    const command = patterns.find(({ pattern }) => pattern.test(path))?.name ?? 'unknown';
    context.metrics.answered(command, 'overloaded');
    return OVERLOADED;
  };
}

/** The paths that express takes for this one: any parameters, any case, a slash at the end or none. */
function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}/?$`, 'i');
}
