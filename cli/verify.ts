// firstcome verify: every invariant of the design, checked on the running system. Changes nothing.
import type { Command } from 'commander';
import { describeVerification } from '../verifier/format-verification.ts';
import { parseVerifySettings } from '../verifier/settings.ts';
import { verify } from '../verifier/verify.ts';
import { systemEnvironment } from './shared/addresses.ts';
import { type ExitCode, endingWith, exitCodeOf } from './shared/exit-code.ts';
import { couponId, wholeNumber } from './shared/option-values.ts';
import { createOutput, withJsonOption } from './shared/output.ts';

type Options = { coupon?: string; wait: number; json?: boolean };

export function defineVerify(command: Command): void {
  command
    .description('Checks every invariant on the running system. Exit code 1 when one is broken.')
    .option('--coupon <id>', 'only this coupon', couponId)
    .option(
      '--wait <seconds>',
      'how long to wait for what is under way',
      wholeNumber({ min: 0, max: 3_600 }),
      20,
    );
  withJsonOption(command).action(endingWith(runVerify));
}

async function runVerify(options: Options): Promise<ExitCode> {
  const verification = await verify(parseVerifySettings(systemEnvironment()), {
    waitMs: options.wait * 1_000,
    progress: showProgress(),
    ...(options.coupon === undefined ? {} : { couponId: options.coupon }),
  });
  createOutput(options).result(verification, describeVerification(verification));
  return exitCodeOf(verification.ok);
}

/** At most one line a second on stderr, and none for what is over sooner. */
function showProgress(): (step: string) => void {
  let shownAt = performance.now();
  return (step) => {
    if (performance.now() - shownAt < 1_000) return;
    shownAt = performance.now();
    console.error(`… ${step}`);
  };
}
