import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { OpenEpoch } from '../../../command-api/gate/compare-gate.ts';
import { createLogWriter, type LogWriter } from '../../../command-api/outbox/log-writer.ts';
import type { PreparedEvent } from '../../../command-api/outbox/prepared-event.ts';
import { toLogEvent } from '../../../contracts/event-record.ts';
import { formatPositions, type Position } from '../../../contracts/position.ts';
import { ASSIGN_TOPIC, EVENT_TOPICS } from '../../../contracts/topics.ts';
import type { CouponAssigned, CouponCreated, CouponEvent } from '../../../domain/coupon-events.ts';
import { readLogRanges } from '../../../platform/kafka/admin.ts';
import { kafkajsOf } from '../../../platform/kafka/kafkajs-of.ts';
import { createFaultyKafka, type FaultyKafka } from '../../support/faults/faulty-kafka.ts';
import { couponAssigned, couponCreated } from '../../support/fixtures/sample-events.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { addPartitions } from '../../support/system/partitions.ts';
import { recordsOf } from '../../support/system/records.ts';
import { createEventSystem, type EventSystem } from '../../support/system/topics.ts';
import { waitUntil } from '../../support/wait-until.ts';

type Found = { event: CouponEvent; key: string; traceparent: string | null };

const assigned = (sequence: number): CouponAssigned => {
  const assignmentId = randomUUID();
  return couponAssigned(sequence, { eventId: assignmentId, assignmentId });
};
const created = (): CouponCreated => couponCreated({ couponId: randomUUID() });

describe('Writing to the log', () => {
  let system: EventSystem;
  let links: FaultyKafka;
  let writer: LogWriter;
  let open: Pick<OpenEpoch, 'epoch' | 'partitions'> | null;

  before(async function () {
    this.timeout(180_000);
    system = await createEventSystem('log-writer-');
  });
  after(async function () {
    this.timeout(180_000);
    await system?.cleanup();
  });
  beforeEach(async () => {
    open = { epoch: 0, partitions: { 'coupon-lifecycle': 3, 'coupon-assign': 3 } };
    links = await createFaultyKafka();
    writer = await openWriter(system, 20_000);
  });
  afterEach(async () => {
    links.mend();
    await writer.close();
    await links.close();
  });

  /** A batch is sent again when it takes longer than `sendTimeoutMs`. */
  const openWriter = ({ codec, topicPrefix }: EventSystem, sendTimeoutMs: number) =>
    createLogWriter({
      ...{ codec, topicPrefix, sendTimeoutMs },
      createClient: links.createClient,
      lastOpen: () => open,
      logger: silentLogger(),
    });

  const prepareOne = (event: CouponEvent, traceparent: string | null = null): PreparedEvent => {
    const prepared = writer.prepare(event, traceparent);
    if (prepared === null) throw new Error('of another epoch');
    return prepared;
  };
  const prepare = (events: CouponEvent[]): PreparedEvent[] =>
    events.map((event) => prepareOne(event));

  /** Every event in the log, by its position. */
  const readLog = async (): Promise<Map<string, Found>> => {
    const found = new Map<string, Found>();
    for (const topic of EVENT_TOPICS) {
      for (const record of await recordsOf(system.kafka, `${system.topicPrefix}${topic}`)) {
        const { partition, offset, key, value, headers } = record;
        const { name, event } = await system.codec.decode(value);
        found.set(formatPositions([{ topic, partition, offset }]), {
          event: toLogEvent(name, event) as CouponEvent,
          key: String(key),
          traceparent: headers.traceparent === undefined ? null : String(headers.traceparent),
        });
      }
    }
    return found;
  };
  /** The whole log, read after the batch was written. */
  const positionsIn = async (writing: Promise<Position[] | null>) => {
    const positions = await writing;
    return { positions, log: await readLog() };
  };
  const expectAt = (
    { log, positions }: { log: Map<string, Found>; positions: Position[] | null },
    events: CouponEvent[],
  ): void => {
    expect(positions).to.have.length(events.length);
    const at = positions?.map((position) => log.get(formatPositions([position]))?.event);
    expect(at).to.deep.equal(events);
  };
  const timesOf = (log: Map<string, Found>, event: CouponEvent): number =>
    [...log.values()].filter((found) => found.event.eventId === event.eventId).length;

  it('tells the true position of each event of a batch, over both topics and all partitions', async () => {
    const events = Array.from({ length: 200 }, (_, n) =>
      n % 5 === 0 ? created() : assigned(n + 1),
    );
    const batch = prepare(events);
    const positions = await writer.write(batch);
    const log = await readLog();
    expectAt({ log, positions }, events);
    expect(new Set(positions?.map(({ partition }) => partition))).to.have.property('size', 3);
    for (const event of events) expect(timesOf(log, event)).to.equal(1);
    batch.forEach(({ key, partition, topic }, index) => {
      const position = positions?.[index];
      expect(position).to.include({ partition, topic });
      expect(log.get(formatPositions(position ? [position] : []))?.key).to.equal(key);
    });
  });

  it('goes on counting from batch to batch', async () => {
    const event = assigned(1);
    const first = await writer.write(prepare([event]));
    const second = await writer.write(prepare([event, event]));
    const offsets = [...(first ?? []), ...(second ?? [])].map(({ offset }) => offset);
    const from = offsets[0] ?? 0n;
    expect(offsets).to.deep.equal([from, from + 1n, from + 2n]);
  });

  it('puts an event where any other client would put its key', async () => {
    const events = Array.from({ length: 20 }, (_, n) => assigned(n + 1));
    const other = kafkajsOf(system.kafka).producer();
    await other.connect();
    try {
      for (const { topic, key, partition } of prepare(events)) {
        const [sent] = await other.send({
          topic: `${system.topicPrefix}${topic}`,
          messages: [{ key, value: system.codec.encode(topic, 'CouponAssigned', assigned(1)) }],
        });
        expect(sent?.partition).to.equal(partition);
      }
    } finally {
      await other.disconnect();
    }
  });

  it('keeps the trace of the request with the event', async () => {
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const batch = [prepareOne(assigned(1), traceparent), prepareOne(assigned(2))];
    const positions = await writer.write(batch);
    const log = await readLog();
    const traces = positions?.map((p) => log.get(formatPositions([p]))?.traceparent);
    expect(traces).to.deep.equal([traceparent, null]);
  });

  it('refuses an event that does not fit its schema, before anything is sent', () => {
    const broken = { ...assigned(1), sequence: 'first' } as unknown as CouponEvent;
    expect(() => writer.prepare(broken, null))
      .to.throw()
      .with.property('code', 'EVENT_INVALID');
  });

  it('takes no event of another epoch than the one that the gate was last open for', () => {
    expect(writer.prepare({ ...assigned(1), epoch: 1 }, null)).to.equal(null);
    open = null;
    expect(writer.prepare(assigned(1), null)).to.equal(null);
  });

  it('uses the partitions of the gate, whatever there are, and new ones at once', async function () {
    this.timeout(180_000);
    const own = await createEventSystem('log-writer-more-');
    const widening = await openWriter(own, 20_000);
    try {
      const events = Array.from({ length: 200 }, (_, n) => assigned(n + 1));
      const write = async (): Promise<Set<number>> => {
        const batch = events.flatMap((event) => widening.prepare(event, null) ?? []);
        const positions = (await widening.write(batch)) ?? [];
        expect(positions.map(({ partition }) => partition)).to.deep.equal(
          batch.map(({ partition }) => partition),
        );
        return new Set(positions.map(({ partition }) => partition));
      };
      expect(await write()).to.deep.equal(new Set([0, 1, 2]));
      await addPartitions(own.kafka, own.topicPrefix + ASSIGN_TOPIC, 5);
      expect(await write()).to.deep.equal(new Set([0, 1, 2]));
      // The producer's client has listed the topic before: it must not leave anything out.
      open = { epoch: 0, partitions: { 'coupon-lifecycle': 3, 'coupon-assign': 5 } };
      expect(await write()).to.deep.equal(new Set([0, 1, 2, 3, 4]));
      const ends = await readLogRanges(own.kafka, own.topicPrefix + ASSIGN_TOPIC);
      expect(ends.every(({ to }) => to > 0n)).to.equal(true);
    } finally {
      await widening.close();
      await own.cleanup();
    }
  });

  describe('that is in trouble', () => {
    beforeEach(async () => {
      await writer.close();
      writer = await openWriter(system, 700);
    });
    const untilFailing = () => waitUntil('a send has failed', () => writer.failingSince() !== null);

    it('sends the same batch again through a new producer when nothing comes back', async () => {
      const events = Array.from({ length: 30 }, (_, n) => (n === 0 ? created() : assigned(n + 1)));
      await writer.write(prepare([assigned(1)]));
      links.stall();
      const writing = writer.write(prepare(events));
      await untilFailing();
      links.mend();
      expectAt(await positionsIn(writing), events);
      expect(writer.failingSince()).to.equal(null);
    });

    it('tells true positions when the first send had arrived and only its answer was lost', async () => {
      const events = Array.from({ length: 30 }, (_, n) => assigned(n + 1));
      await writer.write(prepare([assigned(1)]));
      links.stallAnswers();
      const writing = writer.write(prepare(events));
      await untilFailing();
      links.mend();
      const { log, positions } = await positionsIn(writing);
      expectAt({ log, positions }, events);
      const copies = events.map((event) => timesOf(log, event));
      expect(Math.min(...copies), 'a repeat is in the log').to.be.at.least(2);
    });

    it('goes on when all connections were cut', async () => {
      const events = [assigned(1), created()];
      await writer.write(prepare([assigned(1)]));
      links.cut();
      const writing = writer.write(prepare(events));
      await untilFailing();
      links.mend();
      expectAt(await positionsIn(writing), events);
    });

    it('tells since when it fails, and that it does no more', async () => {
      expect(writer.failingSince()).to.equal(null);
      const startedAt = Date.now();
      links.cut();
      const writing = writer.write(prepare([assigned(1)]));
      await untilFailing();
      const since = writer.failingSince();
      expect(since).to.be.within(startedAt, Date.now());
      links.mend();
      await writing;
      expect(writer.failingSince()).to.equal(null);
    });

    it('gives up when it is closed, and says so', async () => {
      links.stall();
      const writing = writer.write(prepare([assigned(1)]));
      await untilFailing();
      const closedAtMs = performance.now();
      await writer.close();
      expect(await writing).to.equal(null);
      expect(performance.now() - closedAtMs).to.be.below(20_000);
    });

    it('gives up in the middle of a send when it is closed', async () => {
      await writer.write(prepare([assigned(1)]));
      links.stall();
      const writing = writer.write(prepare([assigned(2)]));
      const closedAtMs = performance.now();
      await writer.close();
      expect(await writing).to.equal(null);
      expect(performance.now() - closedAtMs).to.be.below(20_000);
    });

    it('leaves no connection behind', async () => {
      links.stall();
      const writing = writer.write(prepare([assigned(1)]));
      await untilFailing();
      links.mend();
      await writing;
      await writer.close();
      await waitUntil('all connections have ended', () => links.connections() === 0);
    });
  });

  it('writes nothing after it was closed', async () => {
    await writer.close();
    expect(await writer.write(prepare([assigned(1)]))).to.equal(null);
  });
});
