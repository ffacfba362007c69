import { expect } from 'chai';
import { createCondition } from '../../../projector/consumer-health.ts';

describe('the condition of the projector', () => {
  it('is ready once every consumer is in its group, and not while one is out', () => {
    const { condition } = given();
    expect(condition.hindrance()).to.equal('the consumer of events is not in its group');
    condition.joined('events', true);
    expect(condition.hindrance()).to.equal('the consumer of dead letters is not in its group');
    condition.joined('dead letters', true);
    expect(condition.hindrance()).to.equal(null);
    condition.joined('events', false);
    expect(condition.hindrance()).not.to.equal(null);
  });

  it('is not ready when a group took no heartbeat for as long as it waits for one', () => {
    const { condition, clock } = given({ joined: true });
    clock.now += 9_000;
    condition.heard('events');
    clock.now += 2_000;
    expect(condition.hindrance()).to.equal('the group of dead letters does not answer');
    condition.heard('dead letters');
    expect(condition.hindrance()).to.equal(null);
  });

  it('is ready while a partition is stuck for a moment, and not when it lasts', () => {
    const { condition, clock } = given({ joined: true });
    condition.stuck('coupon-assign/1', 'MySQL is away');
    clock.now += 2_000;
    condition.stuck('coupon-assign/1', 'MySQL is still away');
    expect(condition.hindrance()).to.equal(null);
    clock.now += 2_000;
    expect(condition.hindrance()).to.equal(
      'coupon-assign/1 has been waiting for 4 s: MySQL is still away',
    );
    condition.flowing('coupon-assign/1');
    expect(condition.hindrance()).to.equal(null);
  });

  it('is live as long as every consumer turns', () => {
    const { condition, clock } = given();
    clock.now += 119_000;
    expect(condition.isLive()).to.equal(true);
    condition.turned('events');
    clock.now += 2_000;
    expect(condition.isLive()).to.equal(false);
    condition.turned('dead letters');
    expect(condition.isLive()).to.equal(true);
  });
});

function given({ joined = false } = {}) {
  const clock = { now: 1_000_000 };
  const consumers = ['events', 'dead letters'];
  const condition = createCondition(consumers, () => clock.now);
  for (const consumer of consumers) condition.joined(consumer, joined);
  return { condition, clock };
}
