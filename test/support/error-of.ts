import { expect } from 'chai';
import { AppError } from '../../platform/errors.ts';

/** The AppError that `attempt` fails with; fails itself when it does not. */
export async function errorOf(attempt: Promise<unknown>): Promise<AppError> {
  try {
    await attempt;
  } catch (error) {
    expect(error).to.be.instanceOf(AppError);
    return error as AppError;
  }
  throw new Error('it succeeded');
}
