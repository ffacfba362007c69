// npm run verify: every invariant of the design, checked on the running system. Changes nothing.
import { parseArgs } from 'node:util';
import { toUuid } from '../domain/ids.ts';
import { AppError, messageOf } from '../platform/errors.ts';
import { describeVerification } from '../verifier/format-verification.ts';
import { parseVerifySettings } from '../verifier/settings.ts';
import { verify } from '../verifier/verify.ts';
import { withRunEnv } from './shared/run-env.ts';

const USAGE = `npm run verify -- [--coupon ID] [--wait SECONDS] [--json]
  --coupon ID      only this coupon
  --wait SECONDS   how long to wait for what is under way (20)
  --json           the findings as JSON
Ends with 0 when every invariant holds, with 1 otherwise.
Addresses: KAFKA_BROKERS, SCHEMA_REGISTRY_URL, REDIS_URL, MYSQL_URL, TOPIC_PREFIX,
REDIS_KEY_PREFIX; without any of them, those of the running npm start.`;

const ADDRESSES = ['KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL', 'REDIS_URL', 'MYSQL_URL'];

try {
  process.exitCode = (await run(process.argv.slice(2))) ? 0 : 1;
} catch (error) {
  const isSetting = error instanceof AppError && error.code === 'SETTINGS_INVALID';
  console.error(`${messageOf(error)}${isSetting ? '; is npm start running?' : ''}`);
  process.exitCode = 1;
}

async function run(args: string[]): Promise<boolean> {
  const { values } = parseArgs({
    args,
    options: {
      coupon: { type: 'string' },
      wait: { type: 'string', default: '20' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const couponId = values.coupon === undefined ? undefined : toUuid(values.coupon);
  const seconds = Number(values.wait);
  if (values.help || couponId === null || !(seconds >= 0 && seconds <= 3_600)) {
    console.log(USAGE);
    return values.help;
  }
  const verification = await verify(parseVerifySettings(withRunEnv(process.env, ADDRESSES)), {
    waitMs: seconds * 1_000,
    progress: showProgress(),
    ...(couponId === undefined ? {} : { couponId }),
  });
  console.log(
    values.json ? JSON.stringify(verification, null, 2) : describeVerification(verification),
  );
  return verification.ok;
}

/** At most one line a second, and none for what is over sooner. On stderr: stdout is the findings'. */
function showProgress(): (step: string) => void {
  let shownAt = performance.now();
  return (step) => {
    if (performance.now() - shownAt < 1_000) return;
    shownAt = performance.now();
    console.error(`… ${step}`);
  };
}
