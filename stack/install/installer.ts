import { StackError } from '../stack-error.ts';

/** One thing that is fetched once and kept in the cache. */
export type Installer = {
  /** Name and version, for people. */
  title: string;
  isInstalled: () => boolean | Promise<boolean>;
  install: (signal?: AbortSignal) => Promise<void>;
};

/**
 * Installs what is missing, side by side, with a line for each as it gets ready.
 * @throws StackError that names what could not be installed
 */
export async function installMissing(
  installers: readonly Installer[],
  report: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  const states = await Promise.all(installers.map((installer) => installer.isInstalled()));
  const missing = installers.filter((_, index) => !states[index]);
  if (missing.length === 0) return;
  report(`installing, this time only: ${missing.map(({ title }) => title).join(', ')}`);
  let done = 0;
  const results = await Promise.allSettled(
    missing.map(async ({ title, install }) => {
      const startMs = performance.now();
      try {
        await install(signal);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new StackError(`${title} cannot be installed: ${reason}`, { cause: error });
      }
      done += 1;
      report(`[${done}/${missing.length}] ${title} … ${secondsSince(startMs)} s`);
    }),
  );
  const failures = results.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as StackError] : [],
  );
  if (failures.length > 0) {
    throw new StackError(failures.map(({ message }) => message).join('\n'), { cause: failures[0] });
  }
}

/** Seconds since a reading of performance.now(), with one decimal. */
export function secondsSince(startMs: number): string {
  return ((performance.now() - startMs) / 1000).toFixed(1);
}
