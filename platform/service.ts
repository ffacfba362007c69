// The frame of every service: settings first, then everything else until a signal.
import { messageOf } from './errors.ts';
import { type Lifecycle, runUntilSignal } from './lifecycle.ts';
import { createLogger, type Logger } from './logger.ts';
import type { Environment } from './settings.ts';
import { startTelemetry, type TelemetrySettings } from './telemetry.ts';

/**
 * Runs a service. Faulty settings end it with exit code 1 and one message before anything connects.
 * `open` connects and listens; `stop` is for a service that finds it cannot go on.
 */
export async function runService<
  S extends { logLevel: string; telemetry: TelemetrySettings },
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
  await runUntilSignal(logger, async (lifecycle, stop) => {
    const telemetry = await startTelemetry(service.name, settings.telemetry);
    lifecycle.opened('telemetry', telemetry.close);
    await service.open(settings, { logger, lifecycle, stop });
  });
}
