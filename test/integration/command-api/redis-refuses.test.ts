import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { messageOf } from '../../../platform/errors.ts';
import type { Logger } from '../../../platform/logger.ts';
import { errorOf } from '../../support/error-of.ts';
import { type OwnRedis, startOwnRedis } from '../../support/servers/own-redis.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { openEpoch } from '../../support/system/epoch.ts';
import { connectRedis } from '../../support/system/redis.ts';
import { createEventSystem, type EventSystem } from '../../support/system/topics.ts';
import { createWriteModel } from '../../support/system/write-model.ts';
import { type CommandNode, newCoupon, openCommandNode } from './command-node.ts';

describe('A Redis that is full', function () {
  this.timeout(180_000);
  let system: EventSystem;
  let server: OwnRedis;
  let redis: Redis;
  let node: CommandNode;
  before(async () => {
    system = await createEventSystem('full-');
    server = await startOwnRedis();
    redis = await connectRedis(server.url);
    await openEpoch(system, redis);
    node = await openCommandNode(system, { redisUrl: server.url });
  });
  after(async () => {
    await node?.close();
    redis?.disconnect();
    await server?.close();
    await system?.cleanup();
  });
  afterEach(() => redis.config('SET', 'maxmemory', '0'));

  it('takes nothing, and callers are answered so: no unknown outcome', async () => {
    const couponId = await node.create({ quantity: 1 });
    await redis.config('SET', 'maxmemory', '1');
    expect(await node.ask(couponId)).to.deep.equal({ kind: 'closed' });
    expect(await node.create().catch(messageOf)).to.equal('closed');
    expect(await redis.hget(node.keys.coupon(couponId), 'remaining')).to.equal('1');
    expect(await redis.exists(node.keys.outbox(couponId))).to.equal(0);
    await redis.config('SET', 'maxmemory', '0');
    expect(await node.ask(couponId)).to.include({ kind: 'assigned' });
  });

  it('is named in the log once, whoever meets it', async () => {
    const lines: object[] = [];
    const logger = Object.assign(Object.create(silentLogger()) as Logger, {
      error: (fields: object) => lines.push(fields),
    });
    const limits = { maxOutboxAgeMs: 1, idempotencyTtlMs: 1 };
    const model = createWriteModel({ redis, keys: node.keys, ...limits, logger });
    await redis.config('SET', 'maxmemory', '1');
    for (let times = 0; times < 3; times += 1) {
      const command = { ...newCoupon(), couponId: randomUUID() };
      expect(await errorOf(model.create(command, 0))).to.include({ code: 'REDIS_REFUSED' });
    }
    expect(lines).to.have.length(1);
    expect(lines[0]).to.have.property('reason').that.contains('OOM command not allowed');
  });
});
