import { expect } from 'chai';
import { parseSettings } from '../../../command-api/settings.ts';
import { AppError } from '../../../platform/errors.ts';

const ADDRESSES = {
  HTTP_HOST: '127.0.0.1',
  HTTP_PORT: '8080',
  KAFKA_BROKERS: 'k1:9092,k2:9092,k3:9092',
  SCHEMA_REGISTRY_URL: 'http://registry:8081',
  REDIS_URL: 'redis://:s3cret@redis:6379',
  QUERY_API_URL: 'http://query:8081',
};

function faultsOf(env: Record<string, string>): string {
  try {
    parseSettings(env);
    return '';
  } catch (error) {
    expect(error).to.be.instanceOf(AppError).with.property('code', 'SETTINGS_INVALID');
    return (error as AppError).message;
  }
}

describe('The settings of the command API', () => {
  it('are the addresses and ports; for the rest there are defaults', () => {
    const settings = parseSettings(ADDRESSES);
    expect(settings.http).to.include({ host: '127.0.0.1', port: 8_080 });
    expect(settings.kafka.brokers).to.deep.equal(['k1:9092', 'k2:9092', 'k3:9092']);
    expect(settings).to.include({ logLevel: 'info', topicPrefix: '', redisKeyPrefix: '' });
    expect(settings).to.be.frozen;
  });

  it('are refused all at once: nothing else would be found out at the first start', () => {
    const message = faultsOf({
      HTTP_PORT: '99999',
      LOG_LEVEL: 'loud',
      KAFKA_BROKERS: 'kafka',
      REDIS_URL: 'http://redis',
      MAX_BATCH: '0',
      ANSWER_TIMEOUT_MS: 'soon',
    });
    expect(message).to.match(/^9 faulty setting\(s\): /);
    for (const name of [
      'HTTP_HOST is missing',
      'HTTP_PORT',
      'LOG_LEVEL',
      'KAFKA_BROKERS',
      'SCHEMA_REGISTRY_URL is missing',
      'REDIS_URL',
      'QUERY_API_URL is missing',
      'MAX_BATCH',
      'ANSWER_TIMEOUT_MS',
    ]) {
      expect(message).to.include(name);
    }
  });

  it('have no default for an address', () => {
    for (const name of Object.keys(ADDRESSES)) {
      expect(faultsOf({ ...ADDRESSES, [name]: '' }), name).to.equal(
        `1 faulty setting(s): ${name} is missing`,
      );
    }
  });

  it('do not show a password when they are refused', () => {
    const message = faultsOf({ ...ADDRESSES, REDIS_URL: 'rediss:/:s3cret@redis', HTTP_PORT: '' });
    expect(message).to.include('REDIS_URL').and.not.include('s3cret');
  });

  it('keep an idempotency key for a day at least, whatever is set', () => {
    expect(parseSettings(ADDRESSES).idempotencyTtlMs).to.be.at.least(24 * 3_600_000);
    expect(faultsOf({ ...ADDRESSES, IDEMPOTENCY_TTL_MS: '1000' })).to.include('IDEMPOTENCY_TTL_MS');
  });

  it('lead to addresses without a double slash', () => {
    const settings = parseSettings({ ...ADDRESSES, QUERY_API_URL: 'https://example.org/query/' });
    expect(`${settings.queryApiUrl}/coupons`).to.equal('https://example.org/query/coupons');
  });
});
