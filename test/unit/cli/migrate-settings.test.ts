import { expect } from 'chai';
import { parseMigrateSettings } from '../../../cli/migrate.ts';
import { AppError } from '../../../platform/errors.ts';

const COMPLETE = {
  KAFKA_BROKERS: 'a:1,b:2',
  SCHEMA_REGISTRY_URL: 'http://r:1/apis/ccompat/v7',
  MYSQL_URL: 'mysql://u:secret@m:3306/d',
};

describe('the settings of migrate', () => {
  it('are the three addresses; the prefix is empty when it is not said', () => {
    expect(parseMigrateSettings(COMPLETE)).to.deep.equal({
      kafkaBrokers: ['a:1', 'b:2'],
      registryUrl: COMPLETE.SCHEMA_REGISTRY_URL,
      mysqlUrl: COMPLETE.MYSQL_URL,
      topicPrefix: '',
    });
  });

  it('are refused with every fault in one message, and no value in it', () => {
    const read = () =>
      parseMigrateSettings({ ...COMPLETE, KAFKA_BROKERS: '', MYSQL_URL: 'secret' });
    expect(read).to.throw(AppError, /KAFKA_BROKERS.*MYSQL_URL/);
    expect(read).not.to.throw('secret');
  });
});
