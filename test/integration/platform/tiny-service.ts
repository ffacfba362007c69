// A service that does nothing, run as a process by service.test.ts; its settings say what goes wrong.
import { setTimeout as wait } from 'node:timers/promises';
import { runService } from '../../../platform/service.ts';
import { readSettings } from '../../../platform/settings.ts';
import { readTelemetrySettings } from '../../../platform/telemetry.ts';

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
        'close fails',
        'close hangs',
        'leaks',
        'stops itself',
        'has a bug',
      ]),
      secret: read.required('SECRET'),
    };
    read.finish();
    return settings;
  },
  open: async ({ trouble }, { lifecycle, stop }) => {
    lifecycle.opened('first part', async () => undefined);
    if (trouble === 'open fails') throw new Error('the second part is not there');
    lifecycle.opened(
      'second part',
      async () => {
        if (trouble === 'close fails') throw new Error('it is stuck');
        if (trouble === 'close hangs') await wait(60_000);
      },
      200,
    );
    // Something has to keep a process alive, as a listening socket does.
    const alive = setInterval(() => undefined, 1_000);
    if (trouble !== 'leaks') lifecycle.opened('third part', async () => clearInterval(alive));
    if (trouble === 'has a bug')
      setImmediate(() => Promise.reject(new Error('nobody caught this')));
    if (trouble === 'stops itself') setImmediate(() => stop('its work is impossible'));
  },
});
