import { expect } from 'chai';
import {
  parseMariadbVersion,
  parseMysqlVersion,
} from '../../../stack/servers/database-programs.ts';
import { databaseArguments, initStatements } from '../../../stack/servers/mysql.ts';
import { parseRedisVersion, redisArguments } from '../../../stack/servers/redis.ts';

describe('The arguments of the servers', () => {
  it('keep Redis to loopback, to its append-only file and to the data it was given', () => {
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

  it('keep the databases to loopback, to utf8mb4 and to a flush per commit', () => {
    expect(databaseArguments({ port: 3306, dataFolder: '/d', initFile: '/i' })).to.include.members([
      '--bind-address=127.0.0.1',
      '--character-set-server=utf8mb4',
      '--innodb-flush-log-at-trx-commit=1',
    ]);
  });

  it('can be given to a database that has been set up before', () => {
    for (const statement of initStatements('secret')) {
      expect(statement).to.match(/ IF NOT EXISTS |^GRANT /);
    }
  });
});

describe('The version of a server', () => {
  it('of Redis is read', () => {
    expect(parseRedisVersion('Redis server v=7.0.15 sha=0:0 malloc=jemalloc-5.2.1')).to.equal(
      '7.0.15',
    );
    expect(parseRedisVersion('nothing of the kind')).to.equal(undefined);
  });

  it('of MySQL is read, and a MariaDB that is called mysqld is none', () => {
    const ubuntu = '/usr/sbin/mysqld  Ver 8.0.39-0ubuntu0.24.04.2 for Linux on x86_64 ((Ubuntu))';
    const mariadb = 'mysqld  Ver 10.11.6-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64';
    expect(parseMysqlVersion(ubuntu)).to.equal('8.0.39');
    expect(parseMysqlVersion(mariadb)).to.equal(undefined);
    expect(parseMariadbVersion(mariadb)).to.equal('10.11.6');
    expect(parseMariadbVersion(ubuntu)).to.equal(undefined);
  });
});
