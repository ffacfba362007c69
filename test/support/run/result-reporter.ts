// A mocha reporter that prints as `spec` does, and appends each result to a file as a JSON line.
//   --reporter test/support/run/result-reporter.ts --reporter-option file=FILE
import { appendFileSync } from 'node:fs';
import Mocha from 'mocha';
import type { TestResult } from './results.ts';

type Named = { file?: string; type?: string; fullTitle(): string };

class ResultReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const file = String(options.reporterOptions?.file ?? '');
    const append = (named: Named, result: Pick<TestResult, 'kind' | 'error'>): void => {
      const line: TestResult = {
        file: named.file ?? '',
        fullTitle: named.fullTitle(),
        isHook: named.type === 'hook',
        ...result,
      };
      appendFileSync(file, `${JSON.stringify(line)}\n`);
    };
    runner.on('pass', (test) => append(test as Named, { kind: 'passed', error: '' }));
    runner.on('fail', (test, error: { message?: string } | undefined) => {
      const message = error?.message ?? 'no message';
      append(test as Named, { kind: 'failed', error: message.replaceAll(/\s+/g, ' ') });
    });
  }
}

// The name under which `require`, by which mocha loads it, finds a class.
export { ResultReporter as 'module.exports' };
