import { expect } from 'chai';
import { createTopics } from '../../../admin/topics.ts';
import { ASSIGN_TOPIC } from '../../../contracts/topics.ts';
import { withAdmin } from '../../../platform/kafka/admin.ts';
import { commandApiVariables } from '../../support/system/addresses.ts';
import { askForCoupon, call, couponBody } from '../../support/system/api.ts';
import { connectRedis, deleteKeysWith } from '../../support/system/redis.ts';
import { type ServiceProcess, startService } from '../../support/system/service-process.ts';
import { createEventSystem, type EventSystem } from '../../support/system/topics.ts';
import { waitUntil } from '../../support/wait-until.ts';

describe('A command API over a topic that may lose records', function () {
  this.timeout(120_000);
  let events: EventSystem;
  let service: ServiceProcess | undefined;

  before(async () => {
    events = await createEventSystem('unsafe-');
  });
  after(async () => {
    await service?.end('SIGTERM');
    const redis = await connectRedis();
    await deleteKeysWith(redis, events.topicPrefix);
    redis.disconnect();
    await events.cleanup();
  });

  it('hands out nothing and says why, once in its log; it serves when the topic is mended', async () => {
    const topic = events.topicPrefix + ASSIGN_TOPIC;
    await withAdmin(events.kafka, (admin) =>
      admin.changeConfig(topic, { 'retention.bytes': '1000000' }),
    );
    const { url, log } = await startService('command-api', {
      ...commandApiVariables(events.topicPrefix),
    }).then((started) => {
      service = started;
      return started;
    });
    const readiness = () => call('GET', `${url}/health/ready`);
    const reason = `topic-settings: ${topic} has retention.bytes=1000000, not -1; firstcome migrate sets them`;
    await waitUntil('it says why it is not ready', async () => {
      const { status, body } = await readiness();
      return status === 503 && body.reason === reason;
    });
    const { status, body } = await askForCoupon(url, couponBody());
    expect([status, body.code]).to.deep.equal([503, 'Coupon-0014']);
    await createTopics(events.kafka, events.topicPrefix);
    await waitUntil('it is ready', async () => (await readiness()).status === 200);
    expect((await askForCoupon(url, couponBody())).status).to.equal(201);
    expect(log().split('assumption broken')).to.have.lengthOf(2);
    expect(log().split('assumption holds again')).to.have.lengthOf(2);
  });
});
