// How a command ends, in one number.

/** 0: it did what it was asked for; 1: it failed, or found what must not be; 2: it was asked wrongly. */
export const EXIT_CODE = { done: 0, failed: 1, usage: 2 } as const;
export type ExitCode = (typeof EXIT_CODE)[keyof typeof EXIT_CODE];

/** For a command that can't fail but by throwing: what `isDone` says. */
export function exitCodeOf(isDone: boolean): ExitCode {
  return isDone ? EXIT_CODE.done : EXIT_CODE.failed;
}

/** An action for commander that ends the process with what `action` resolves to. */
export function endingWith<Arguments extends unknown[]>(
  action: (...args: Arguments) => Promise<ExitCode>,
): (...args: Arguments) => Promise<void> {
  return async (...args) => {
    process.exitCode = await action(...args);
  };
}
