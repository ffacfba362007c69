// SIGINT and SIGTERM, for commands that stop what they are doing in order.

/** Aborts, with the reason "stopped", on the first SIGINT or SIGTERM; the next one ends the process. */
export function stopOnSignals(): AbortSignal {
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => stopped.abort(new Error('stopped')));
  }
  return stopped.signal;
}
