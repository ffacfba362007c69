import { expect } from 'chai';
import { sourcesForSuite } from '../../../stack/install/debian-packages.ts';
import { databaseArguments, initStatements } from '../../../stack/servers/mysql.ts';
import { parseRedisMajor, redisArguments } from '../../../stack/servers/redis.ts';

describe('The apt sources for another suite', () => {
  const toSid = (...files: string[]): string[] => sourcesForSuite(files, 'bookworm', 'sid');

  it('keep the address and the key of a deb822 source', () => {
    const text = `Types: deb
# a comment
URIs: https://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: https://mirror.example/debian-security
Suites: bookworm-security
Components: main`;
    expect(toSid(text)).to.deep.equal([
      'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] https://mirror.example/debian sid main',
    ]);
  });

  it('keep the address and the options of a one-line source', () => {
    const text = `# deb https://off.example/debian bookworm main
deb [arch=amd64 trusted=yes] https://mirror.example/debian bookworm main
deb https://mirror.example/debian bookworm-updates main
deb-src https://mirror.example/debian bookworm main`;
    expect(toSid(text)).to.deep.equal([
      'deb [arch=amd64 trusted=yes] https://mirror.example/debian sid main',
    ]);
  });

  it('leave out what is disabled, other suites and what is there twice', () => {
    const disabled = 'Types: deb\nEnabled: no\nURIs: https://a.example\nSuites: bookworm';
    const sources = 'Types: deb-src\nURIs: https://a.example\nSuites: bookworm';
    const other = 'deb https://vendor.example/node nodistro main';
    const one = 'deb https://b.example/debian bookworm main';
    expect(toSid(disabled, sources, other, one, one)).to.deep.equal([
      'deb https://b.example/debian sid main',
    ]);
  });
});

describe('What the servers are told', () => {
  it('keeps Redis to loopback, to its append-only file and to the data it was given', () => {
    const args = redisArguments(6379, '/data').join(' ');
    for (const part of [
      '--bind 127.0.0.1 --port 6379',
      '--appendonly yes --appendfsync everysec',
      '--maxmemory-policy noeviction',
      '--repl-backlog-ttl 0',
    ]) {
      expect(args).to.contain(part);
    }
  });

  it('keeps the databases to loopback, to utf8mb4 and to a flush per commit', () => {
    expect(databaseArguments({ port: 3306, dataFolder: '/d', initFile: '/i' })).to.include.members([
      '--bind-address=127.0.0.1',
      '--character-set-server=utf8mb4',
      '--innodb-flush-log-at-trx-commit=1',
    ]);
  });

  it('can be told to a database that has been set up before', () => {
    for (const statement of initStatements('secret')) {
      expect(statement).to.match(/ IF NOT EXISTS |^GRANT /);
    }
  });

  it('reads the version of a redis-server', () => {
    expect(parseRedisMajor('Redis server v=7.0.15 sha=0:0 malloc=jemalloc-5.2.1')).to.equal(7);
    expect(parseRedisMajor('nothing of the kind')).to.equal(undefined);
  });
});
