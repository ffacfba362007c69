/**
 * A failure whose message alone tells a person what is wrong and what to do; shown without a stack trace.
 */
export class StackError extends Error {
  override readonly name = 'StackError';
}
