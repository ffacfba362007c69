import { expect } from 'chai';
import { describeLoggedError } from '../../../platform/logger.ts';

describe('What is logged of an error', () => {
  it('is what it says and where, with its causes, and nothing that a library hung on it', () => {
    const cause = Object.assign(new Error('WRONGPASS'), {
      command: { name: 'hello', args: ['AUTH', 'me', 'hush-hush'] },
    });
    const error = Object.assign(new Error('no connection', { cause }), {
      code: 'ECONN',
      config: { password: 'hush-hush' },
    });
    const described = describeLoggedError(error);
    expect(described).to.have.keys('type', 'message', 'stack', 'code');
    expect(described).to.include({ type: 'Error', code: 'ECONN' });
    expect(JSON.stringify(described)).to.include('WRONGPASS').and.not.include('hush-hush');
    expect(describeLoggedError('only words')).to.equal('only words');
  });
});
