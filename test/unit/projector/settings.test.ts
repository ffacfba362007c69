import { expect } from 'chai';
import { AppError } from '../../../platform/errors.ts';
import { parseProjectorSettings } from '../../../projector/settings.ts';

const NEEDED = {
  HTTP_HOST: '127.0.0.1',
  HTTP_PORT: '8082',
  KAFKA_BROKERS: 'a:9092,b:9092',
  SCHEMA_REGISTRY_URL: 'http://registry:8085',
  MYSQL_URL: 'mysql://user:secret@db/firstcome',
};

const MYSQL = { url: 'mysql://db/firstcome', login: { user: 'user', password: 'secret' } };

describe('the settings of the projector', () => {
  it('need addresses, and have defaults for the rest', () => {
    expect(parseProjectorSettings(NEEDED)).to.deep.include({
      logLevel: 'info',
      http: { host: '127.0.0.1', port: 8082 },
      kafka: { brokers: ['a:9092', 'b:9092'], clientId: 'firstcome-projector' },
      topicPrefix: '',
      consumerGroup: 'firstcome-projector',
      batchSize: 500,
      registry: { url: 'http://registry:8085' },
      mysql: { ...MYSQL, poolSize: 10 },
    });
  });

  it('can all be given', () => {
    const given = {
      ...NEEDED,
      LOG_LEVEL: 'debug',
      TOPIC_PREFIX: 'mine-',
      CONSUMER_GROUP: 'my-group',
      BATCH_SIZE: '50',
      MYSQL_POOL_SIZE: '3',
    };
    expect(parseProjectorSettings(given)).to.deep.include({
      logLevel: 'debug',
      topicPrefix: 'mine-',
      consumerGroup: 'my-group',
      batchSize: 50,
      mysql: { ...MYSQL, poolSize: 3 },
    });
  });

  it('report every fault at once, and no value', () => {
    const faulty = {
      HTTP_PORT: '70000',
      KAFKA_BROKERS: 'http://a',
      SCHEMA_REGISTRY_URL: 'ftp://registry',
      MYSQL_URL: 'postgres://user:secret@db',
      MYSQL_POOL_SIZE: '0',
      BATCH_SIZE: '5001',
      LOG_LEVEL: 'loud',
    };
    expect(() => parseProjectorSettings(faulty))
      .to.throw(AppError)
      .that.satisfies((error: AppError) => {
        expect(error.code).to.equal('SETTINGS_INVALID');
        for (const name of [...Object.keys(faulty), 'HTTP_HOST']) {
          expect(error.message).to.contain(name);
        }
        expect(error.message).not.to.contain('secret');
        return true;
      });
  });
});
