import { expect } from 'chai';
import { AppError } from '../../../platform/errors.ts';
import { parseQueryApiSettings } from '../../../query-api/settings.ts';

const GOOD = {
  HTTP_HOST: '127.0.0.1',
  HTTP_PORT: '8081',
  MYSQL_URL: 'mysql://reader:s3cret@127.0.0.1:3306/firstcome',
};

/** The message that these settings are refused with. */
function refusalOf(env: Record<string, string | undefined>): string {
  try {
    parseQueryApiSettings(env);
  } catch (error) {
    expect(error).to.be.instanceOf(AppError).with.property('code', 'SETTINGS_INVALID');
    return (error as AppError).message;
  }
  throw new Error('the settings were taken');
}

const MYSQL = {
  url: 'mysql://127.0.0.1:3306/firstcome',
  login: { user: 'reader', password: 's3cret' },
};

describe('Settings of the query API', () => {
  it('need an address to listen on and one of MySQL; the rest has defaults', () => {
    expect(parseQueryApiSettings(GOOD)).to.deep.include({
      logLevel: 'info',
      http: { host: '127.0.0.1', port: 8081 },
      mysql: { ...MYSQL, poolSize: 10, timeoutMs: 2_000 },
      maxReads: 1_000,
      maxWaiting: 5_000,
    });
  });

  it('are taken where they are given', () => {
    const settings = parseQueryApiSettings({
      ...GOOD,
      LOG_LEVEL: 'debug',
      MYSQL_POOL_SIZE: '3',
      MYSQL_TIMEOUT_MS: '500',
      MAX_READS: '7',
      MAX_WAITING: '8',
    });
    expect(settings).to.deep.include({
      logLevel: 'debug',
      mysql: { ...MYSQL, poolSize: 3, timeoutMs: 500 },
      maxReads: 7,
      maxWaiting: 8,
    });
  });

  it('that are missing are all named at once', () => {
    const message = refusalOf({});
    for (const name of Object.keys(GOOD)) expect(message).to.include(`${name} is missing`);
  });

  for (const [name, values] of Object.entries({
    LOG_LEVEL: ['loud'],
    HTTP_PORT: ['-1', '65536', 'http'],
    MYSQL_URL: ['127.0.0.1:3306', 'postgres://127.0.0.1/firstcome'],
    MYSQL_POOL_SIZE: ['0', '201', 'many'],
    MYSQL_TIMEOUT_MS: ['49', '60001', '1.5'],
    MAX_READS: ['0'],
    MAX_WAITING: ['0'],
  })) {
    for (const value of values) {
      it(`are refused with ${name}=${value}, and with no other complaint`, () => {
        const message = refusalOf({ ...GOOD, [name]: value });
        expect(message).to.include('1 faulty setting').and.to.include(name);
      });
    }
  }

  it('never show a value in a complaint: it may be a secret', () => {
    const message = refusalOf({ ...GOOD, MYSQL_URL: 'mysqll://reader:s3cret@127.0.0.1/x' });
    expect(message).not.to.include('s3cret');
  });
});
