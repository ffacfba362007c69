/**
 * Aborts at the first SIGINT, SIGTERM or SIGHUP, and when the process that started this one
 * (stack/bootstrap.mjs, by an IPC channel) is gone. Later signals change nothing: a terminal's
 * Ctrl-C arrives more than once.
 */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const abort = () => controller.abort();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, abort);
  if (process.connected) {
    process.once('disconnect', abort);
    // Listening must not keep a process alive that has nothing more to do.
    process.channel?.unref();
  }
  return controller.signal;
}

/** Resolves when the signal aborts, at once when it has aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
