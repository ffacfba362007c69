import { expect } from 'chai';
import { withDeadline } from '../../../platform/deadline.ts';

describe('withDeadline', () => {
  const caught = (work: Promise<unknown>): Promise<unknown> => work.catch((e: unknown) => e);
  const late = (): Error => new Error('too late');
  const never = new Promise<never>(() => undefined);

  it('gives the result of work that is done in time', async () => {
    expect(await withDeadline(Promise.resolve(7), 1_000, late)).to.equal(7);
  });

  it('throws what the work throws, unchanged', async () => {
    const fault = new TypeError('no such field');
    expect(await caught(withDeadline(Promise.reject(fault), 1_000, late))).to.equal(fault);
  });

  it('throws the error of its caller when the time is over', async () => {
    expect(await caught(withDeadline(never, 1, late))).to.have.property('message', 'too late');
  });

  it('hears nothing of work that fails after its time', async () => {
    const work = Promise.withResolvers<never>();
    await caught(withDeadline(work.promise, 1, late));
    const unhandled: unknown[] = [];
    const note = (fault: unknown): unknown => unhandled.push(fault);
    process.on('unhandledRejection', note);
    work.reject(new Error('the connection was lost'));
    await new Promise(setImmediate);
    process.off('unhandledRejection', note);
    expect(unhandled).to.deep.equal([]);
  });
});
