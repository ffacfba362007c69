import { expect } from 'chai';
import { ASSIGN_TOPIC } from '../../../contracts/topics.ts';
import { withAdmin } from '../../../platform/kafka/admin.ts';
import { commandApiVariables } from '../../support/system/addresses.ts';
import { assign, call, createCoupon } from '../../support/system/api.ts';
import { connectRedis, deleteKeysWith } from '../../support/system/redis.ts';
import { type ServiceProcess, startService } from '../../support/system/service-process.ts';
import { createEventSystem, type EventSystem } from '../../support/system/topics.ts';
import { waitUntil } from '../../support/wait-until.ts';

const TWO_HOURS_MS = 7_200_000;
const AHEAD = 'redis-clock: the clock of this process is 7200 s ahead of that of Redis';

describe('A command API whose clock is two hours ahead', function () {
  this.timeout(120_000);
  let events: EventSystem;
  let service: ServiceProcess;

  before(async () => {
    events = await createEventSystem('clock-');
    const preload = new URL('../../support/faults/shift-clock.ts', import.meta.url).href;
    service = await startService('command-api', {
      ...commandApiVariables(events.topicPrefix),
      ANSWER_TIMEOUT_MS: '1000',
      NODE_OPTIONS: `--import=${preload}`,
      CLOCK_SHIFT_MS: String(TWO_HOURS_MS),
    });
  });
  after(async () => {
    await service?.end('SIGTERM');
    const redis = await connectRedis();
    await deleteKeysWith(redis, events.topicPrefix);
    redis.disconnect();
    await events.cleanup();
  });

  const untilReady = () =>
    waitUntil('it is ready', async () => {
      const answer = await call('GET', `${service.url}/health/ready`);
      return answer.status === 200 && answer.body;
    });

  it('opens an epoch, answers 201, and says that its clock is off', async () => {
    expect(await untilReady()).to.deep.equal({ status: 'ready', warnings: [AHEAD] });
    const couponId = await createCoupon(service.url);
    for (const user of ['ann', 'ben', 'eve']) {
      expect((await assign(service.url, couponId, user)).status).to.equal(201);
    }
  });

  it('waits, and gives nothing up, where a topic takes its time; it goes on when that is mended', async () => {
    await untilReady();
    const couponId = await createCoupon(service.url);
    const setTime = (from: 'CreateTime' | 'LogAppendTime') =>
      withAdmin(events.kafka, (admin) =>
        admin.changeConfig(events.topicPrefix + ASSIGN_TOPIC, { 'message.timestamp.type': from }),
      );
    await setTime('CreateTime');
    const refused = await waitUntil('the brokers look at its time', async () => {
      const answer = await assign(service.url, couponId, `early-${performance.now()}`);
      return answer.status !== 201 && answer;
    });
    expect([refused.status, refused.body.code]).to.deep.equal([503, 'Coupon-0012']);
    await setTime('LogAppendTime');
    await waitUntil('it gives units again', async () => {
      const { status } = await assign(service.url, couponId, 'late');
      return status === 201;
    });
    expect(service.log()).not.to.contain('quarantined');
  });
});
