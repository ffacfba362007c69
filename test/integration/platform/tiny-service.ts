// A service that does nothing, run as a process by service.test.ts; its settings say what goes wrong.
import { setTimeout as wait } from 'node:timers/promises';
import { SpanKind } from '@opentelemetry/api';
import { runService } from '../../../platform/service.ts';
import { readSettings } from '../../../platform/settings.ts';
import { readTelemetrySettings } from '../../../platform/telemetry.ts';
import { endSpan, startSpan } from '../../../platform/tracing.ts';

await runService({
  name: 'tiny',
  env: process.env,
  parseSettings: (env) => {
    const read = readSettings(env);
    const settings = {
      logLevel: read.oneOf('LOG_LEVEL', 'info', ['debug', 'info']),
      telemetry: readTelemetrySettings(read),
      trouble: read.oneOf('TROUBLE', 'none', [
        'none',
        'open fails',
        'open hangs',
        'close fails',
        'close hangs',
        'leaks',
        'stops itself',
        'has a bug',
      ]),
      secret: read.required('SECRET'),
      holdsAnswers: read.oneOf('HOLDS_ANSWERS', 'yes', ['yes', 'no']) === 'yes',
      shutdownDelayMs: read.integer('DELAY', 0, { min: 0, max: 600_000 }),
    };
    read.finish();
    return settings;
  },
  open: async ({ trouble, holdsAnswers: holds }, { lifecycle, logger, stop }) => {
    lifecycle.opened('first part', async () => undefined);
    if (trouble === 'open fails') throw new Error('the second part is not there');
    if (trouble === 'open hangs') {
      logger.info('opening');
      await wait(60_000);
    }
    // Recorded, and sent, where a collector is named.
    endSpan(startSpan('a piece of work', SpanKind.INTERNAL, null));
    lifecycle.opened(
      'second part',
      async () => {
        if (trouble === 'close fails') throw new Error('it is stuck');
        if (trouble === 'close hangs') await wait(60_000);
      },
      { limitMs: 200, holdsAnswers: holds },
    );
    // Something has to keep a process alive, as a listening socket does.
    const alive = setInterval(() => undefined, 1_000);
    if (trouble !== 'leaks') lifecycle.opened('third part', async () => clearInterval(alive));
    if (trouble === 'has a bug')
      setImmediate(() => Promise.reject(new Error('nobody caught this')));
    if (trouble === 'stops itself') setImmediate(() => stop('its work is impossible'));
  },
});
