// IPv6 addresses in every setting: the servers of this run, behind links that listen on ::1 only.
import { spawn } from 'node:child_process';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { createRegistryApi } from '../../../../admin/schemas/registry-api.ts';
import { readKafkaSettings } from '../../../../platform/connections/kafka-settings.ts';
import { readMysqlSettings } from '../../../../platform/connections/mysql-settings.ts';
import { readRedisSettings } from '../../../../platform/connections/redis-settings.ts';
import { readRegistrySettings } from '../../../../platform/connections/registry-settings.ts';
import { withAdmin } from '../../../../platform/kafka/admin.ts';
import { createKafkaClient } from '../../../../platform/kafka/client.ts';
import { createMysql } from '../../../../platform/mysql.ts';
import { createRedis } from '../../../../platform/redis.ts';
import { readSettings } from '../../../../platform/settings.ts';
import { lockPort } from '../../../../stack/process/ports.ts';
import { silentLogger } from '../../../support/silent-logger.ts';
import { addressOf } from '../../../support/system/addresses.ts';
import { waitUntil } from '../../../support/wait-until.ts';

describe('An IPv6 address', () => {
  const links: Server[] = [];
  const sockets = new Set<Socket>();
  /** The same address, by way of ::1. */
  const byIpv6 = async (address: string): Promise<string> => {
    const [, host = '', port = ''] = /([^/@:]+):(\d+)(?=[/]|$)/.exec(address) ?? [];
    const link = createServer((client) => {
      const server = connect(Number(port), host);
      for (const socket of [client, server]) {
        socket.on('error', () => socket.destroy());
        sockets.add(socket);
      }
      client.pipe(server).pipe(client);
    });
    await new Promise<void>((resolve) => link.listen(0, '::1', resolve));
    links.push(link);
    return address.replace(`${host}:${port}`, `[::1]:${(link.address() as AddressInfo).port}`);
  };
  after(() => {
    for (const socket of sockets) socket.destroy();
    for (const link of links) link.close();
  });

  it('of MySQL is connected to', async () => {
    const read = readSettings({ MYSQL_URL: await byIpv6(addressOf('MYSQL_URL')) });
    const db = createMysql({ ...readMysqlSettings(read), poolSize: 1, timeoutMs: 20_000 });
    try {
      expect((await db.raw('select 1 as one'))[0]).to.have.length(1);
    } finally {
      await db.destroy();
    }
  });

  it('of Redis is connected to', async () => {
    const read = readSettings({ REDIS_URL: await byIpv6(addressOf('REDIS_URL')) });
    const settings = { ...readRedisSettings(read), commandTimeoutMs: 20_000 };
    const redis = createRedis(settings, silentLogger());
    try {
      await redis.connect();
      expect(await redis.ping()).to.equal('PONG');
    } finally {
      redis.disconnect();
    }
  });

  it('of a broker is connected to', async () => {
    const [first = ''] = addressOf('KAFKA_BROKERS').split(',');
    const read = readSettings({ KAFKA_BROKERS: await byIpv6(first) });
    const settings = { ...readKafkaSettings(read), clientId: 'firstcome-test' };
    const kafka = createKafkaClient(settings, silentLogger());
    expect(await withAdmin(kafka, (admin) => admin.listTopics())).to.be.an('array');
  });

  it('of the registry is connected to', async () => {
    const read = readSettings({
      SCHEMA_REGISTRY_URL: await byIpv6(addressOf('SCHEMA_REGISTRY_URL')),
    });
    const subjects = await createRegistryApi(readRegistrySettings(read)).subjects();
    expect(subjects).to.be.an('array');
  });

  it('is listened on, for metrics as well', async () => {
    const { port, lock } = await lockPort();
    const service = spawn(process.execPath, ['query-api/main.ts'], {
      env: {
        ...{ PATH: process.env.PATH ?? '', MYSQL_URL: addressOf('MYSQL_URL') },
        ...{ HTTP_HOST: '::1', HTTP_PORT: '0', METRICS_PORT: String(port) },
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => service.once('close', resolve));
    let output = '';
    service.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    try {
      const own = await waitUntil(
        'it listens',
        () => /"port":(\d+),"msg":"listening"/.exec(output)?.[1],
      );
      const live = await fetch(`http://[::1]:${own}/health/live`);
      expect(live.status).to.equal(200);
      const metrics = await fetch(`http://[::1]:${port}/metrics`);
      expect(metrics.status).to.equal(200);
      expect(await metrics.text()).to.include('# ');
    } finally {
      service.kill('SIGTERM');
      await ended;
      lock.release();
    }
  });
});
