import { expect } from 'chai';
import { readAddresses } from '../../../cli/shared/addresses.ts';
import { AppError } from '../../../platform/errors.ts';

const COMPLETE = {
  KAFKA_BROKERS: 'a:1,b:2',
  SCHEMA_REGISTRY_URL: 'http://r:1/apis/ccompat/v7',
  REDIS_URL: 'redis://s:6379',
  MYSQL_URL: 'mysql://u:secret@m:3306/d',
};

describe('the addresses of a command', () => {
  it('are those it asks for; a prefix is empty when it is not set', () => {
    expect(readAddresses(COMPLETE, ['kafka', 'mysql', 'topicPrefix'])).to.deep.equal({
      kafka: { brokers: ['a:1', 'b:2'] },
      mysql: { url: 'mysql://m:3306/d', login: { user: 'u', password: 'secret' } },
      topicPrefix: '',
    });
  });

  it('are refused with every fault in one message, and no value in it', () => {
    const read = () =>
      readAddresses({ ...COMPLETE, KAFKA_BROKERS: '', MYSQL_URL: 'secret' }, ['kafka', 'mysql']);
    expect(read).to.throw(AppError, /KAFKA_BROKERS.*MYSQL_URL/);
    expect(read).not.to.throw('secret');
  });

  it('are not looked at when the command does not ask for them', () => {
    expect(readAddresses({ REDIS_URL: COMPLETE.REDIS_URL }, ['redis'])).to.deep.equal({
      redis: { url: COMPLETE.REDIS_URL },
    });
  });
});
