import { spawnSync } from 'node:child_process';
import { expect } from 'chai';

const REQUIRED: Record<string, string[]> = {
  'command-api': [
    'HTTP_HOST',
    'HTTP_PORT',
    'KAFKA_BROKERS',
    'SCHEMA_REGISTRY_URL',
    'REDIS_URL',
    'QUERY_API_URL',
  ],
  projector: ['HTTP_HOST', 'HTTP_PORT', 'KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL', 'MYSQL_URL'],
  'query-api': ['HTTP_HOST', 'HTTP_PORT', 'MYSQL_URL'],
};

describe('A service without the settings that it needs', () => {
  for (const [service, names] of Object.entries(REQUIRED)) {
    it(`${service} ends with code 1 and one line that names every fault`, () => {
      const ended = spawnSync(process.execPath, [`${service}/main.ts`], {
        env: { PATH: process.env.PATH ?? '' },
        encoding: 'utf8',
        timeout: 120_000,
      });
      expect(ended.status).to.equal(1);
      const lines = ended.stdout.trim().split('\n');
      expect(lines).to.have.length(1);
      expect(JSON.parse(lines[0] ?? '')).to.include({ level: 'fatal', service });
      for (const name of names) expect(lines[0]).to.contain(`${name} is missing`);
    });
  }

  it('does not print the value of a faulty secret', () => {
    const ended = spawnSync(process.execPath, ['query-api/main.ts'], {
      env: { PATH: process.env.PATH ?? '', MYSQL_URL: 'postgres://me:s3cret@127.0.0.1/x' },
      encoding: 'utf8',
      timeout: 120_000,
    });
    expect(ended.status).to.equal(1);
    expect(ended.stdout + ended.stderr)
      .to.contain('MYSQL_URL')
      .and.not.to.contain('s3cret');
  });
});
