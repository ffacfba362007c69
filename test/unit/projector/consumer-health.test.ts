import { expect } from 'chai';
import { createConsumerHealth } from '../../../projector/consumer/consumer-health.ts';

describe('the health of the consumers', () => {
  it('is ready once every consumer is in its group, and not while one is out', () => {
    const { consumerHealth } = given();
    expect(consumerHealth.notReadyReason()).to.equal('the consumer of events is not in its group');
    consumerHealth.joined('events', true);
    expect(consumerHealth.notReadyReason()).to.equal(
      'the consumer of dead letters is not in its group',
    );
    consumerHealth.joined('dead letters', true);
    expect(consumerHealth.notReadyReason()).to.equal(null);
    consumerHealth.joined('events', false);
    expect(consumerHealth.notReadyReason()).not.to.equal(null);
  });

  it('is not ready when a group took no heartbeat for as long as it waits for one', () => {
    const { consumerHealth, clock } = given({ joined: true });
    clock.now += 9_000;
    consumerHealth.heartbeatAccepted('events');
    clock.now += 2_000;
    expect(consumerHealth.notReadyReason()).to.equal('the group of dead letters does not answer');
    consumerHealth.heartbeatAccepted('dead letters');
    expect(consumerHealth.notReadyReason()).to.equal(null);
  });

  it('is ready while a partition is stalled for a moment, and not when it lasts', () => {
    const { consumerHealth, clock } = given({ joined: true });
    consumerHealth.stalled('coupon-assign/1', 'MySQL is away');
    clock.now += 2_000;
    consumerHealth.stalled('coupon-assign/1', 'MySQL is still away');
    expect(consumerHealth.notReadyReason()).to.equal(null);
    clock.now += 2_000;
    expect(consumerHealth.notReadyReason()).to.equal(
      'coupon-assign/1 has been waiting for 4 s: MySQL is still away',
    );
    consumerHealth.resumed('coupon-assign/1');
    expect(consumerHealth.notReadyReason()).to.equal(null);
  });

  it('is live as long as every consumer is active', () => {
    const { consumerHealth, clock } = given();
    clock.now += 119_000;
    expect(consumerHealth.isLive()).to.equal(true);
    consumerHealth.active('events');
    clock.now += 2_000;
    expect(consumerHealth.isLive()).to.equal(false);
    consumerHealth.active('dead letters');
    expect(consumerHealth.isLive()).to.equal(true);
  });
});

function given({ joined = false } = {}) {
  const clock = { now: 1_000_000 };
  const consumers = ['events', 'dead letters'];
  const consumerHealth = createConsumerHealth(consumers, () => clock.now);
  for (const consumer of consumers) consumerHealth.joined(consumer, joined);
  return { consumerHealth, clock };
}
