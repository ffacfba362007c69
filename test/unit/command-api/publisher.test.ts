import { expect } from 'chai';
import { createCommandMetrics } from '../../../command-api/metrics.ts';
import type { LogWriter } from '../../../command-api/outbox/log-writer.ts';
import type { CheckedMaster } from '../../../command-api/outbox/master-check.ts';
import type { PreparedEvent } from '../../../command-api/outbox/prepared-event.ts';
import type { Published } from '../../../command-api/outbox/publication.ts';
import { createPublisher } from '../../../command-api/outbox/publisher.ts';
import type { Quarantine } from '../../../command-api/outbox/quarantine.ts';
import type { Confirm, Confirmation } from '../../../command-api/write-model/confirm.ts';
import { recordNameOf } from '../../../contracts/event-record.ts';
import type { Position } from '../../../contracts/position.ts';
import { destinationOf } from '../../../contracts/topics.ts';
import type { CouponEvent } from '../../../domain/coupon-events.ts';
import { AppError } from '../../../platform/errors.ts';
import { couponAssigned, couponCreated } from '../../support/fixtures/sample-events.ts';
import { silentLogger } from '../../support/silent-logger.ts';

/** Not the one that the gate was last open for. */
const ANOTHER_EPOCH = 99;
const OTHER_COUPON = 'c0c0c0c0-0000-4000-8000-000000000002';
const runPending = () => new Promise(setImmediate);

type Send = {
  events: CouponEvent[];
  answer(positions: Position[] | null): Promise<void>;
  refuse(reason: string): Promise<void>;
};
type Confirming = {
  confirmation: Confirmation;
  answer(kind: 'confirmed' | 'closed'): Promise<void>;
  fail(): Promise<void>;
};

type Refusal = {
  eventId: string;
  reason: string;
  done(): Promise<void>;
  fail(): Promise<void>;
};

/** A publisher whose log, claims and write model answer when the test says so. */
function createBench(
  options: { answerTimeoutMs?: number; maxBatch?: number; epoch?: number } = {},
) {
  const sends: Send[] = [];
  const confirms: Confirming[] = [];
  const refusals: Refusal[] = [];
  /** What the next master checks find; without any, the master of the gate. */
  const masterChecks: (CheckedMaster | null)[] = [];
  let connection = 0;
  const claimChecks: { claimed(epoch: number | null): Promise<void>; fail(): Promise<void> }[] = [];
  /** Resolves `given` and lets everything run that follows from it. */
  const then = async (act: () => void): Promise<void> => {
    act();
    await runPending();
    await runPending();
  };
  const writer: Pick<LogWriter, 'prepare' | 'write'> = {
    prepare: (event, traceparent): PreparedEvent | null => {
      if (event.epoch === ANOTHER_EPOCH) return null;
      const place = destinationOf(event);
      if (place === undefined) throw new Error('no schema for it');
      const value = Buffer.from(recordNameOf(event));
      return { event, ...place, partition: 0, value, traceparent };
    },
    write: (batch) => {
      const sent = Promise.withResolvers<Position[] | null>();
      const events = batch.map(({ event }) => event);
      sends.push({
        events,
        answer: (positions) => then(() => sent.resolve(positions)),
        refuse: (reason) =>
          then(() => sent.reject(new AppError('EVENT_REFUSED', reason, { retriable: false }))),
      });
      return sent.promise;
    },
  };
  const confirm: Confirm = (confirmation) => {
    const reply = Promise.withResolvers<{ kind: 'confirmed' } | { kind: 'closed' }>();
    confirms.push({
      confirmation,
      answer: (kind) => then(() => reply.resolve({ kind })),
      fail: () => then(() => reply.reject(new Error('connection lost'))),
    });
    return reply.promise;
  };
  const quarantine: Quarantine = ({ event: { eventId } }, reason) => {
    const done = Promise.withResolvers<void>();
    refusals.push({
      ...{ eventId, reason },
      done: () => then(() => done.resolve()),
      fail: () => then(() => done.reject(new Error('no dead letter topic'))),
    });
    return done.promise;
  };
  const publisher = createPublisher({
    writer,
    checkClaim: () => {
      const check = Promise.withResolvers<number | null>();
      claimChecks.push({
        claimed: (epoch) => then(() => check.resolve(epoch)),
        fail: () => then(() => check.reject(new Error('no broker'))),
      });
      return check.promise;
    },
    masterCheck: {
      connection: () => connection,
      check: async () => {
        const found = masterChecks.shift();
        return found === undefined ? { epoch: options.epoch ?? 0, connection } : found;
      },
    },
    confirm,
    quarantine,
    answerTimeoutMs: options.answerTimeoutMs ?? 60_000,
    maxBatch: options.maxBatch ?? 500,
    metrics: createCommandMetrics(),
    logger: silentLogger(),
  });

  const answers = new Map<string, Published>();
  /** Publishes for a caller whose answer is kept under `caller`. */
  const publish = (caller: string, event: CouponEvent): void => {
    void publisher.publish(event, null).then((published) => answers.set(caller, published));
  };
  const reconnect = (): void => {
    connection += 1;
  };
  return {
    ...{
      publisher,
      publish,
      answers,
      sends,
      claimChecks,
      masterChecks,
      reconnect,
      confirms,
      refusals,
    },
    runPending,
  };
}

/** The log has taken every event of this send; the first one is at `firstOffset`. */
function acknowledge(send: Send | undefined, firstOffset = 0n): Promise<void> {
  return (
    send?.answer(
      send.events.map((event, index) => ({
        topic: destinationOf(event).topic,
        partition: 0,
        offset: firstOffset + BigInt(index),
      })),
    ) ?? Promise.reject(new Error('nothing was sent'))
  );
}

const idsOf = (events: readonly CouponEvent[] | undefined) => events?.map(({ eventId }) => eventId);

describe('Publishing events', () => {
  const [one, two, three, four] = [1, 2, 3, 4].map((n) =>
    couponAssigned(n, { userId: `user ${n}` }),
  ) as [CouponEvent, CouponEvent, CouponEvent, CouponEvent];

  describe('in batches', () => {
    it('sends what comes in one round of the event loop together, in its order', async () => {
      const { publish, sends } = createBench();
      for (const event of [one, two, three]) publish(event.eventId, event);
      await runPending();
      expect(sends.map(({ events }) => events)).to.deep.equal([[one, two, three]]);
    });

    it('sends a single event without waiting for company', async () => {
      const { publish, sends } = createBench();
      publish('a', one);
      await runPending();
      expect(sends).to.have.length(1);
    });

    it('gathers while a batch is on its way, and sends what has gathered when that is confirmed', async () => {
      const { publish, sends, claimChecks, confirms } = createBench();
      publish('a', one);
      await runPending();
      publish('b', two);
      await acknowledge(sends[0]);
      publish('c', three);
      await claimChecks[0]?.claimed(0);
      expect(sends, 'sends before the confirmation').to.have.length(1);
      await confirms[0]?.answer('confirmed');
      expect(sends.map(({ events }) => events)).to.deep.equal([[one], [two, three]]);
    });

    it('goes on with the next batch when one could not be confirmed', async () => {
      const { publish, sends, claimChecks } = createBench();
      publish('a', one);
      await runPending();
      publish('b', two);
      await acknowledge(sends[0]);
      await claimChecks[0]?.fail();
      expect(sends.map(({ events }) => events)).to.deep.equal([[one], [two]]);
    });

    it('sends no more at once than the largest batch, and the rest after it', async () => {
      const { publish, sends, claimChecks, confirms } = createBench({ maxBatch: 2 });
      for (const event of [one, two, three]) publish(event.eventId, event);
      await runPending();
      await acknowledge(sends[0]);
      await claimChecks[0]?.claimed(0);
      await confirms[0]?.answer('confirmed');
      expect(sends.map(({ events }) => events)).to.deep.equal([[one, two], [three]]);
    });

    it('sends nothing of another epoch than the gate was open for, and says so at once', async () => {
      const { publisher, publish, answers, sends } = createBench();
      publish('a', { ...one, epoch: ANOTHER_EPOCH });
      expect(publisher.relay({ ...two, epoch: ANOTHER_EPOCH })).to.equal(false);
      await runPending();
      expect(answers.get('a')).to.deep.equal({ kind: 'unknown' });
      expect(sends).to.deep.equal([]);
      expect(publisher.waiting()).to.equal(0);
    });

    it('sends what was decided on the master of its gate, and says unknown to the rest of the batch', async () => {
      const { publish, answers, sends } = createBench({ epoch: 1 });
      publish('old', one);
      publish('new', { ...two, epoch: 1 });
      await runPending();
      expect(sends.map(({ events }) => idsOf(events))).to.deep.equal([[two.eventId]]);
      expect(answers.get('old')).to.deep.equal({ kind: 'unknown' });
    });

    it('sends nothing when Redis has become another one, or does not say, and goes on after that', async () => {
      const { publisher, publish, answers, sends, masterChecks } = createBench();
      masterChecks.push(null);
      publish('a', one);
      await runPending();
      expect(answers.get('a')).to.deep.equal({ kind: 'unknown' });
      expect(sends).to.deep.equal([]);
      expect(publisher.waiting()).to.equal(0);
      publish('b', one);
      await runPending();
      expect(sends.map(({ events }) => events)).to.deep.equal([[one]]);
    });

    it('sends nothing that was decided over a connection that is lost', async () => {
      const { publish, answers, sends, reconnect } = createBench();
      publish('a', one);
      reconnect();
      publish('b', two);
      await runPending();
      expect(answers.get('a')).to.deep.equal({ kind: 'unknown' });
      expect(sends.map(({ events }) => events)).to.deep.equal([[two]]);
    });

    it('starts again after it had nothing to do', async () => {
      const { publish, sends, claimChecks, confirms } = createBench();
      publish('a', one);
      await runPending();
      await acknowledge(sends[0]);
      await claimChecks[0]?.claimed(0);
      await confirms[0]?.answer('confirmed');
      publish('b', two);
      await runPending();
      expect(sends).to.have.length(2);
    });
  });

  describe('and answering', () => {
    it('answers nobody before the log has it, no newer epoch is claimed, and Redis has confirmed it', async () => {
      const { publish, answers, sends, claimChecks, confirms } = createBench();
      publish('a', one);
      await runPending();
      expect([claimChecks.length, confirms.length, answers.size]).to.deep.equal([0, 0, 0]);
      await acknowledge(sends[0], 41n);
      expect([claimChecks.length, confirms.length, answers.size]).to.deep.equal([1, 0, 0]);
      await claimChecks[0]?.claimed(0);
      expect([claimChecks.length, confirms.length, answers.size]).to.deep.equal([1, 1, 0]);
      await confirms[0]?.answer('confirmed');
      expect(answers.get('a')).to.deep.equal({
        kind: 'confirmed',
        position: { topic: 'coupon-assign', partition: 0, offset: 41n },
      });
    });

    it('gives each event its own position', async () => {
      const { publish, answers, sends, claimChecks, confirms } = createBench();
      for (const event of [one, two, three]) publish(event.eventId, event);
      await runPending();
      await acknowledge(sends[0], 7n);
      await claimChecks[0]?.claimed(0);
      await confirms[0]?.answer('confirmed');
      const offsets = [one, two, three].map(({ eventId }) => answers.get(eventId));
      expect(offsets).to.deep.equal(
        [7n, 8n, 9n].map((offset) => ({
          kind: 'confirmed',
          position: { topic: 'coupon-assign', partition: 0, offset },
        })),
      );
    });

    it('confirms with the epoch of the events, once for each coupon, and names a creation', async () => {
      const { publish, sends, claimChecks, confirms } = createBench({ epoch: 3 });
      const created = couponCreated({ couponId: OTHER_COUPON, epoch: 3 });
      const events = [one, created, two].map((event) => ({ ...event, epoch: 3 }));
      for (const event of events) publish(event.eventId, event);
      await runPending();
      await acknowledge(sends[0]);
      await claimChecks[0]?.claimed(3);
      expect(confirms.map(({ confirmation }) => confirmation)).to.deep.equal([
        {
          couponId: one.couponId,
          epoch: 3,
          creationId: null,
          eventIds: [one.eventId, two.eventId],
        },
        {
          couponId: OTHER_COUPON,
          epoch: 3,
          creationId: OTHER_COUPON,
          eventIds: [OTHER_COUPON],
        },
      ]);
    });

    it('says unknown and confirms nothing when a newer epoch is claimed, or none ever was', async () => {
      for (const claim of [1, null]) {
        const { publish, answers, sends, claimChecks, confirms } = createBench();
        publish('a', one);
        await runPending();
        await acknowledge(sends[0]);
        await claimChecks[0]?.claimed(claim);
        expect(answers.get('a')).to.deep.equal({ kind: 'unknown' });
        expect(confirms).to.have.length(0);
      }
    });

    it('says unknown when the claims cannot be seen', async () => {
      const { publish, answers, sends, claimChecks, confirms } = createBench();
      publish('a', one);
      await runPending();
      await acknowledge(sends[0]);
      await claimChecks[0]?.fail();
      expect(answers.get('a')).to.deep.equal({ kind: 'unknown' });
      expect(confirms).to.have.length(0);
    });

    it('says unknown when Redis is of another epoch, or does not reply', async () => {
      for (const act of ['closed', 'lost'] as const) {
        const { publish, answers, sends, claimChecks, confirms } = createBench();
        publish('a', one);
        await runPending();
        await acknowledge(sends[0]);
        await claimChecks[0]?.claimed(0);
        await (act === 'closed' ? confirms[0]?.answer('closed') : confirms[0]?.fail());
        expect(answers.get('a')).to.deep.equal({ kind: 'unknown' });
      }
    });

    it('says unknown to one coupon only when only that one cannot be confirmed', async () => {
      const { publish, answers, sends, claimChecks, confirms } = createBench();
      publish('a', one);
      publish('b', { ...two, couponId: OTHER_COUPON });
      await runPending();
      await acknowledge(sends[0]);
      await claimChecks[0]?.claimed(0);
      await confirms[0]?.fail();
      await confirms[1]?.answer('confirmed');
      expect(answers.get('a')).to.deep.equal({ kind: 'unknown' });
      expect(answers.get('b')).to.have.property('kind', 'confirmed');
    });

    it('says unknown when the writer was closed before the log had it', async () => {
      const { publish, answers, sends, claimChecks } = createBench();
      publish('a', one);
      await runPending();
      await sends[0]?.answer(null);
      expect(answers.get('a')).to.deep.equal({ kind: 'unknown' });
      expect(claimChecks).to.have.length(0);
    });

    it('rejects an event that cannot be written, and forgets it', async () => {
      const { publisher, publish, sends } = createBench();
      const failed = await publisher
        .publish({ ...one, type: 'CouponLost' } as unknown as CouponEvent, null)
        .catch((error: unknown) => error);
      expect(failed).to.be.instanceOf(Error);
      expect(publisher.waiting()).to.equal(0);
      publish('b', two);
      await runPending();
      expect(sends.map(({ events }) => events)).to.deep.equal([[two]]);
    });
  });

  describe('to a caller who cannot wait any longer', () => {
    it('says unknown, and confirms the event later', async () => {
      const { publisher, sends, claimChecks, confirms } = createBench({ answerTimeoutMs: 15 });
      expect(await publisher.publish(one, null)).to.deep.equal({ kind: 'unknown' });
      expect(publisher.waiting()).to.equal(1);
      await acknowledge(sends[0]);
      await claimChecks[0]?.claimed(0);
      expect(confirms[0]?.confirmation).to.deep.include({
        eventIds: [one.eventId],
      });
      await confirms[0]?.answer('confirmed');
      expect(publisher.waiting()).to.equal(0);
    });

    it('answers the one of two callers who still waits', async () => {
      const { publisher, publish, answers, sends, claimChecks, confirms } = createBench({
        answerTimeoutMs: 250,
      });
      const first = publisher.publish(one, null);
      await runPending();
      await publisher.publish(two, null);
      publish('second caller', one);
      expect(await first).to.deep.equal({ kind: 'unknown' });
      await acknowledge(sends[0]);
      await claimChecks[0]?.claimed(0);
      expect(confirms[0]?.confirmation).to.deep.include({
        eventIds: [one.eventId],
      });
      await confirms[0]?.answer('confirmed');
      expect(answers.get('second caller')).to.have.property('kind', 'confirmed');
    });
  });

  describe('that are asked for twice', () => {
    it('sends the event once and answers both callers', async () => {
      const { publish, answers, sends, claimChecks, confirms } = createBench();
      publish('a', one);
      publish('b', { ...one });
      await runPending();
      publish('c', { ...one });
      await acknowledge(sends[0], 5n);
      publish('d', { ...one });
      expect(sends.map(({ events }) => events)).to.deep.equal([[one]]);
      await claimChecks[0]?.claimed(0);
      await confirms[0]?.answer('confirmed');
      for (const caller of ['a', 'b', 'c', 'd']) {
        expect(answers.get(caller)).to.have.nested.property('position.offset', 5n);
      }
      expect(confirms).to.have.length(1);
    });

    it('sends it again when the first time has ended, in whatever way', async () => {
      const { publish, sends, claimChecks } = createBench();
      publish('a', one);
      await runPending();
      await acknowledge(sends[0]);
      await claimChecks[0]?.fail();
      publish('b', one);
      await runPending();
      expect(sends.map(({ events }) => events)).to.deep.equal([[one], [one]]);
    });
  });

  describe('that were left in an outbox', () => {
    it('confirms them', async () => {
      const { publisher, sends, claimChecks, confirms } = createBench();
      expect(publisher.relay(one)).to.equal(true);
      await runPending();
      await acknowledge(sends[0]);
      await claimChecks[0]?.claimed(0);
      expect(confirms[0]?.confirmation).to.deep.include({
        eventIds: [one.eventId],
      });
    });

    it('leaves alone what is on its way already', async () => {
      const { publisher, publish, sends } = createBench();
      publish('a', one);
      expect(publisher.relay(one)).to.equal(false);
      expect(publisher.relay(two)).to.equal(true);
      expect(publisher.relay(two)).to.equal(false);
      await runPending();
      expect(idsOf(sends[0]?.events)).to.deep.equal([one.eventId, two.eventId]);
    });

    it('answers the user who asks again in the meantime', async () => {
      const { publisher, publish, answers, sends, claimChecks, confirms } = createBench();
      publisher.relay(one);
      await runPending();
      publish('a', one);
      await acknowledge(sends[0]);
      await claimChecks[0]?.claimed(0);
      expect(confirms[0]?.confirmation).to.deep.include({
        eventIds: [one.eventId],
      });
      await confirms[0]?.answer('confirmed');
      expect(answers.get('a')).to.have.property('kind', 'confirmed');
    });
  });

  describe('of which the log refuses one', () => {
    it('halves the batch until that one is alone, and confirms the others', async () => {
      const { publish, answers, sends, claimChecks, confirms, refusals } = createBench();
      for (const event of [one, two, three, four]) publish(event.eventId, event);
      await runPending();
      await sends[0]?.refuse('too large');
      await acknowledge(sends[1], 3n);
      await sends[2]?.refuse('too large');
      await sends[3]?.refuse('too large');
      await acknowledge(sends[4], 9n);
      expect(sends.map(({ events }) => idsOf(events))).to.deep.equal([
        idsOf([one, two, three, four]),
        idsOf([one, two]),
        idsOf([three, four]),
        idsOf([three]),
        idsOf([four]),
      ]);
      expect(refusals).to.have.length(1);
      expect(refusals[0]).to.include({ eventId: three.eventId, reason: 'too large' });
      await claimChecks[0]?.claimed(0);
      expect(confirms[0]?.confirmation.eventIds).to.deep.equal(idsOf([one, two, four]));
      await confirms[0]?.answer('confirmed');
      expect(answers.get(four.eventId)).to.have.nested.property('position.offset', 9n);
      expect(answers.has(three.eventId)).to.equal(false);
      await refusals[0]?.done();
      expect(answers.get(three.eventId)).to.deep.equal({ kind: 'refused' });
    });

    it('says refused also when it could not be quarantined, and sends it again when asked', async () => {
      const { publisher, publish, answers, sends, refusals } = createBench();
      publish('a', one);
      await runPending();
      await sends[0]?.refuse('too large');
      await refusals[0]?.fail();
      expect(answers.get('a')).to.deep.equal({ kind: 'refused' });
      expect(publisher.waiting()).to.equal(0);
      expect(publisher.relay(one)).to.equal(true);
      await runPending();
      expect(sends).to.have.length(2);
    });

    it('goes on with the next batch while one is being quarantined', async () => {
      const { publish, sends } = createBench();
      publish('a', one);
      await runPending();
      publish('b', two);
      await sends[0]?.refuse('too large');
      expect(idsOf(sends[1]?.events)).to.deep.equal([two.eventId]);
    });

    it('says unknown when the writer is closed on the way', async () => {
      const { publish, answers, sends, refusals } = createBench();
      for (const event of [one, two]) publish(event.eventId, event);
      await runPending();
      await sends[0]?.refuse('too large');
      await sends[1]?.answer(null);
      expect([answers.get(one.eventId), answers.get(two.eventId)]).to.deep.equal([
        { kind: 'unknown' },
        { kind: 'unknown' },
      ]);
      expect([sends.length, refusals.length]).to.deep.equal([2, 0]);
    });
  });

  describe('and stopping', () => {
    it('counts what is on its way until it is confirmed', async () => {
      const { publisher, publish, sends, claimChecks, confirms } = createBench();
      for (const event of [one, two, three, four]) publish(event.eventId, event);
      expect(publisher.waiting()).to.equal(4);
      await runPending();
      await acknowledge(sends[0]);
      await claimChecks[0]?.claimed(0);
      expect(publisher.waiting()).to.equal(4);
      await confirms[0]?.answer('confirmed');
      expect(publisher.waiting()).to.equal(0);
    });

    it('waits until nothing is on its way', async () => {
      const { publisher, publish, sends, claimChecks, confirms } = createBench();
      await publisher.drained(60_000);
      publish('a', one);
      await runPending();
      let drained = false;
      const draining = publisher.drained(60_000).then(() => {
        drained = true;
      });
      await acknowledge(sends[0]);
      await claimChecks[0]?.claimed(0);
      expect(drained).to.equal(false);
      await confirms[0]?.answer('confirmed');
      await draining;
    });

    it('waits no longer than its time limit', async () => {
      const { publisher, publish } = createBench();
      publish('a', one);
      const startedMs = performance.now();
      await publisher.drained(20);
      expect(performance.now() - startedMs).to.be.below(5_000);
      expect(publisher.waiting()).to.equal(1);
    });
  });
});
