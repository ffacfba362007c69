// The frame of every service: settings first, then everything else until a signal.
import { messageOf } from './errors.ts';
import { type Lifecycle, runUntilSignal } from './lifecycle.ts';
import { createLogger, type Logger } from './logger.ts';
import type { Environment } from './settings.ts';
import { startTelemetry, type TelemetrySettings } from './telemetry.ts';

/** Spans that a collector does not take by then are left behind. */
const TELEMETRY_LIMIT_MS = 2_000;

/**
 * Runs a service. Faulty settings end it with exit code 1 and one message before anything connects.
 * `open` connects and listens; `shutdownDelayMs`: how long it goes on after a signal (lifecycle.ts); `stop` is for a service that finds it cannot go on.
 */
export async function runService<
  S extends { logLevel: string; telemetry: TelemetrySettings; shutdownDelayMs?: number },
>(service: {
  name: string;
  env: Environment;
  parseSettings: (env: Environment) => S;
  open: (
    settings: S,
    tools: { logger: Logger; lifecycle: Lifecycle; stop: (reason: string) => void },
  ) => Promise<void>;
}): Promise<void> {
  let settings: S;
  try {
    settings = service.parseSettings(service.env);
  } catch (error) {
    createLogger(service.name, 'info').fatal(messageOf(error));
    process.exitCode = 1;
    return;
  }
  const logger = createLogger(service.name, settings.logLevel);
  await runUntilSignal(logger, settings.shutdownDelayMs ?? 0, async (lifecycle, stop) => {
    const telemetry = await startTelemetry(service.name, settings.telemetry);
    lifecycle.opened('telemetry', telemetry.close, { limitMs: TELEMETRY_LIMIT_MS });
    await service.open(settings, { logger, lifecycle, stop });
  });
}
