import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import type { SnapshotChunk, SnapshotCompleted } from '../../../contracts/snapshot.ts';
import {
  ASSIGN_TOPIC,
  CHUNKS_PARTITION,
  COMPLETIONS_PARTITION,
} from '../../../contracts/topics.ts';
import { AppError } from '../../../platform/errors.ts';
import { withAdmin } from '../../../platform/kafka/admin.ts';
import { listEventRanges } from '../../../redis-rebuild/log.ts';
import { loadSnapshot } from '../../../redis-rebuild/snapshot/load-snapshot.ts';
import { takeSnapshot } from '../../../redis-rebuild/snapshot/take-snapshot.ts';
import { errorOf } from '../../support/error-of.ts';
import { couponAssigned, couponCreated } from '../../support/fixtures/sample-events.ts';
import { discardUnreadable } from '../../support/system/discard.ts';
import { addPartitions } from '../../support/system/partitions.ts';
import { deleteTopics } from '../../support/system/topics.ts';
import { anyHistory, RandomLog } from './random-log.ts';
import { createRebuildSystem, type RebuildSystem } from './rebuild-system.ts';
import {
  appendAnew,
  appendCompletion,
  appendSnapshotRecords,
  deleteSnapshotRecords,
  dumpOf,
  snapshotRecords,
  takeOne,
} from './snapshot-system.ts';

const PARTITIONS = 6;
/** Redis' clock went on between two rebuilds. */
const BETWEEN_REBUILDS_MS = 120_000;

describe('Rebuilding Redis from a snapshot', () => {
  let system: RebuildSystem;
  beforeEach(async function () {
    this.timeout(180_000);
    system = await createRebuildSystem();
  });
  afterEach(async function () {
    this.timeout(180_000);
    await system?.close();
  });

  const epochOpened = async (): Promise<number> => (await system.rebuild()).epoch;
  const bothPartitions = [CHUNKS_PARTITION, COMPLETIONS_PARTITION];

  /** Rebuilds an empty Redis, and says what it holds and which lines were reported. */
  const rebuildEmpty = async () => {
    await system.wipe();
    const lines: string[] = [];
    const result = await system.rebuild({ report: (line) => lines.push(line) });
    return { result, lines, ...(await dumpOf(system, result.epoch)) };
  };
  type Rebuild = Awaited<ReturnType<typeof rebuildEmpty>>;
  const expectSame = (one: Rebuild, other: Rebuild): void => {
    expect(one.dump).to.deep.equal(other.dump);
    for (const [key, ms] of Object.entries(one.livesMs)) {
      expect(other.livesMs[key], key).to.be.closeTo(ms, BETWEEN_REBUILDS_MS);
    }
    for (const count of ['coupons', 'assignments', 'fenced'] as const) {
      expect(one.result[count], count).to.equal(other.result[count]);
    }
    expect(one.result.uncreated).to.have.members(other.result.uncreated);
  };
  /** Rebuilt from the snapshots, and then from the start: no snapshot is there any more. */
  const rebuildBothWays = async () => {
    const fromSnapshot = await rebuildEmpty();
    await deleteSnapshotRecords(system, bothPartitions);
    const fromStart = await rebuildEmpty();
    expect(fromStart.result.snapshot).to.equal(null);
    return { fromSnapshot, fromStart };
  };
  const snapshotLine = ({ lines }: Rebuild): string | undefined =>
    lines.find((line) => line.includes('snapshot'));

  it('gives what one from the start gives, key for key, after any history; and reads the tail only', async function () {
    this.timeout(240_000);
    const epochs = [await epochOpened()];
    await fc.assert(
      fc.asyncProperty(anyHistory, async ({ deeds, snapshots }) => {
        const log = new RandomLog(system, epochs);
        let tail = 0;
        for (const [index, deed] of deeds.entries()) {
          await log.take(deed);
          if (!snapshots.includes(index)) continue;
          await log.flush();
          await takeOne(system);
        }
        tail = await log.flush();
        const { fromSnapshot, fromStart } = await rebuildBothWays();
        epochs.push(fromSnapshot.result.epoch, fromStart.result.epoch);
        expectSame(fromSnapshot, fromStart);
        const { records, snapshot } = fromSnapshot.result;
        expect(records - (snapshot?.records ?? 0)).to.equal(tail + PARTITIONS);
        expect(fromStart.result.records).to.equal(records + PARTITIONS);
      }),
      { numRuns: 6, interruptAfterTimeLimit: 80_000, markInterruptAsFailure: false },
    );
  });

  it('keeps a fenced copy before its end fenced', async () => {
    const epoch = await epochOpened();
    await system.append([couponCreated({ epoch })]);
    await epochOpened();
    await system.append([couponAssigned(1, { epoch })]);
    await takeOne(system);
    const { fromSnapshot, fromStart } = await rebuildBothWays();
    expect(fromSnapshot.result).to.include({ assignments: 0, fenced: 1 });
    expect(fromSnapshot.result.snapshot).not.to.equal(null);
    expectSame(fromSnapshot, fromStart);
  });

  it('counts an event behind its end as fenced that is of an older epoch than a marker before its end', async () => {
    const older = await epochOpened();
    const epoch = await epochOpened();
    await system.append([couponCreated({ epoch })]);
    await takeOne(system);
    // A slower rebuilder's marker comes late: without the higher one before it, it would be the highest.
    for (const partition of [0, 1, 2]) await system.mark(older, ASSIGN_TOPIC, partition);
    await system.append([couponAssigned(1, { epoch: older }), couponAssigned(2, { epoch })], 0);
    const { fromSnapshot, fromStart } = await rebuildBothWays();
    expect(fromSnapshot.result).to.include({ assignments: 1, fenced: 1 });
    expectSame(fromSnapshot, fromStart);
  });

  it('goes on from the snapshot before, and writes what it comes to now', async () => {
    const epoch = await epochOpened();
    await system.append([couponAssigned(1, { epoch })]);
    const first = await takeOne(system);
    expect(first).to.include({ recordsRead: PARTITIONS + 1 });
    await system.append([couponAssigned(2, { epoch, userId: 'bo' }), couponCreated({ epoch })]);
    const second = await takeOne(system);
    expect(second).to.include({ recordsRead: 2 });
    expect(second.completed).to.include({ records: PARTITIONS + 3, assignments: 2, coupons: 1 });
    const { fromSnapshot, fromStart } = await rebuildBothWays();
    expect(fromSnapshot.result.snapshot).to.deep.equal({
      ...{ snapshotId: second.completed.snapshotId, records: PARTITIONS + 3 },
    });
    expectSame(fromSnapshot, fromStart);
  });

  it('is not made when the log got too little since the last one', async () => {
    await epochOpened();
    await takeOne(system, { minRecords: PARTITIONS });
    const options = { ...system.events, report: () => undefined };
    const { signal } = new AbortController();
    expect(await takeSnapshot({ ...options, signal, minRecords: 1 })).to.deep.equal({
      ...{ kind: 'not-needed', newRecords: 0 },
    });
    expect(await snapshotRecords(system, COMPLETIONS_PARTITION)).to.have.lengthOf(1);
  });

  it('is kept beside the one before it, and no other', async () => {
    const epoch = await epochOpened();
    await system.append([couponCreated({ epoch })]);
    const made: string[] = [];
    for (let i = 0; i < 4; i += 1) made.push((await takeOne(system)).completed.snapshotId);
    const completions = await snapshotRecords(system, COMPLETIONS_PARTITION);
    const decoded = await Promise.all(
      completions.map(({ value }) => system.events.codec.decode(value)),
    );
    expect(decoded.map(({ event }) => event.snapshotId)).to.deep.equal(made.slice(-2));
    expect(await snapshotRecords(system, CHUNKS_PARTITION)).to.have.lengthOf(2);
  });

  it('ends before a record that nobody can read, and passes over it once it is discarded', async () => {
    const epoch = await epochOpened();
    const value = Buffer.from('what is this');
    await system.appendAt([{ topic: ASSIGN_TOPIC, partition: 1, value }]);
    await system.append([couponCreated({ epoch }), couponAssigned(1, { epoch })], 1);
    const { completed, stoppedAt } = await takeOne(system);
    expect(stoppedAt).to.deep.equal(['coupon-assign/1 at 1']);
    expect(completed).to.include({ assignments: 0, coupons: 1, records: PARTITIONS + 1 });
    expect(await errorOf(system.attempt())).to.include({ code: 'RECORD_UNREADABLE' });
    await discardUnreadable(system.events);
    const passed = await takeOne(system);
    expect(passed.stoppedAt).to.deep.equal([]);
    expect(passed.completed).to.include({ assignments: 1, coupons: 1 });
    const { fromSnapshot, fromStart } = await rebuildBothWays();
    expect(fromSnapshot.result).to.include({ assignments: 1, discarded: 0 });
    expect(fromStart.result).to.include({ assignments: 1, discarded: 1 });
    expectSame(fromSnapshot, fromStart);
  });

  it('stands for first records that the log has lost, up to its very end', async () => {
    const epoch = await epochOpened();
    await system.append([couponCreated({ epoch }), couponAssigned(1, { epoch })]);
    const { completed } = await takeOne(system);
    await system.append([couponAssigned(2, { epoch, userId: 'bo' })]);
    const deleteTo = async (nextOf: (next: number) => number): Promise<void> => {
      const { kafka, topicPrefix } = system.events;
      for (const { topic, partition, next } of completed.partitions) {
        const offsets = new Map([[partition, BigInt(nextOf(next))]]);
        await withAdmin(kafka, (a) => a.deleteRecordsBefore(topicPrefix + topic, offsets));
      }
    };
    for (const nextOf of [(next: number) => next - 1, (next: number) => next]) {
      await deleteTo(nextOf);
      const result = await system.rebuild();
      expect(result).to.include({ coupons: 1, assignments: 2 });
      expect(result.snapshot?.snapshotId).to.equal(completed.snapshotId);
    }
    await deleteTo((next) => next + 1);
    const { epoch: last } = await system.gate();
    const error = await errorOf(system.attempt());
    expect(error).to.include({ code: 'TOPIC_MISMATCH', retriable: false });
    expect(await system.gate()).to.include({ epoch: last });
  });

  it('reads a partition that it does not know from its first record', async () => {
    const epoch = await epochOpened();
    await system.append([couponCreated({ epoch }), couponAssigned(1, { epoch })]);
    await takeOne(system);
    await addPartitions(system.events.kafka, system.events.topicPrefix + ASSIGN_TOPIC, 4);
    const next = await epochOpened();
    const late = couponAssigned(2, { epoch: next, userId: 'bo' });
    await appendAnew(system, ASSIGN_TOPIC, 3, [late]);
    const { fromSnapshot, fromStart } = await rebuildBothWays();
    expect(fromSnapshot.result.snapshot?.records).to.equal(PARTITIONS + 2);
    expect(fromSnapshot.result.assignments).to.equal(2);
    expectSame(fromSnapshot, fromStart);
  });

  describe('does without it, and says why,', () => {
    /** Two coupons' worth of log, and a snapshot of it. */
    const snapshotOfSome = async (): Promise<{ epoch: number; completed: SnapshotCompleted }> => {
      const epoch = await epochOpened();
      await system.append([couponCreated({ epoch }), couponAssigned(1, { epoch })]);
      const { completed } = await takeOne(system);
      await system.append([couponAssigned(2, { epoch, userId: 'bo' })]);
      return { epoch, completed };
    };
    const expectFromStart = (rebuilt: Rebuild, why: RegExp): void => {
      expect(snapshotLine(rebuilt)).to.match(why);
      expect(rebuilt.result).to.include({ coupons: 1, assignments: 2, snapshot: null });
    };
    const fold = async (limits: { shorter?: boolean; epoch: number }): Promise<string[]> => {
      const lines: string[] = [];
      const log = system.events;
      const ranges = (await listEventRanges(log)).map((range) =>
        limits.shorter === true ? { ...range, to: 0n } : range,
      );
      const { signal } = new AbortController();
      const { epoch } = limits;
      const found = await loadSnapshot(log, { ranges, epoch }, signal, (l) => lines.push(l));
      expect(found).to.include({ records: 0, snapshot: null });
      expect(found.partitions.map(({ next }) => next)).to.deep.equal(Array(PARTITIONS).fill(0n));
      return lines;
    };

    it('when it goes past the own marker', async () => {
      await snapshotOfSome();
      expect((await fold({ shorter: true, epoch: 9 }))[0]).to.match(
        /^no snapshot: every record is read; not used: snapshot \S+, it goes to \d+ in \S+, further than 0$/,
      );
    });

    it('when it knows the own epoch, or a higher one, from somebody else', async () => {
      const { epoch } = await snapshotOfSome();
      expect((await fold({ epoch }))[0]).to.match(
        /not used: .* it knows epoch 0 in \S+, and this is 0/,
      );
    });

    it('when it is of another log', async () => {
      const { completed } = await snapshotOfSome();
      const other = await createRebuildSystem();
      try {
        for (const partition of bothPartitions) {
          const records = await snapshotRecords(system, partition);
          await appendSnapshotRecords(
            other,
            partition,
            records.map(({ value }) => value),
          );
        }
        await other.rebuild();
        await other.append([
          couponCreated(),
          couponAssigned(7),
          couponAssigned(8, { userId: 'x' }),
        ]);
        const lines: string[] = [];
        const result = await other.rebuild({ report: (line) => lines.push(line) });
        expect(result).to.include({ assignments: 2, snapshot: null });
        // Whichever partition is read first: the one with the coupon ends with another record than the rest.
        expect(lines.join('\n')).to.match(
          new RegExp(`snapshot ${completed.snapshotId}, \\S+ holds another record at [01]`),
        );
      } finally {
        await other.close();
      }
    });

    it('when there is none, or its chunks were deleted', async () => {
      await snapshotOfSome();
      await deleteSnapshotRecords(system, [CHUNKS_PARTITION]);
      expectFromStart(await rebuildEmpty(), /^no snapshot: every record is read$/);
    });

    it('when it was never completed', async () => {
      const epoch = await epochOpened();
      await system.append([couponCreated({ epoch }), couponAssigned(1, { epoch })]);
      const { codec } = system.events;
      const dying: typeof codec = {
        ...codec,
        encode: (topic, name, event) => {
          if (name === 'SnapshotCompleted') throw new AppError('EVENT_INVALID', 'killed');
          return codec.encode(topic, name, event);
        },
      };
      const error = await errorOf(takeOne(system, { codec: dying }));
      expect(error.message).to.equal('killed');
      expect(await snapshotRecords(system, CHUNKS_PARTITION)).to.have.lengthOf(1);
      await system.append([couponAssigned(2, { epoch, userId: 'bo' })]);
      expectFromStart(await rebuildEmpty(), /^no snapshot: every record is read$/);
      // The chunks of the dead one do no harm to the next.
      await takeOne(system);
      const { fromSnapshot, fromStart } = await rebuildBothWays();
      expectSame(fromSnapshot, fromStart);
    });

    it('when a chunk is missing or damaged, a count is wrong, or the format is of another version', async () => {
      const { completed } = await snapshotOfSome();
      const garbage = Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), Buffer.from('no chunk')]);
      await appendSnapshotRecords(system, CHUNKS_PARTITION, [garbage, null]);
      const damages: [Partial<SnapshotCompleted>, RegExp][] = [
        [{ chunks: 2 }, /1 of 2 chunks are there/],
        [{ endOfChunks: completed.endOfChunks + 1 }, /not used: snapshot/],
        [{ assignments: 5 }, /1 coupons with 1 assignments are there, not 1 with 5/],
        [{ format: 99 }, /^no snapshot: every record is read$/],
      ];
      for (const [changes, why] of damages) {
        await deleteSnapshotRecords(system, [COMPLETIONS_PARTITION]);
        await appendCompletion(system, completed, changes);
        expectFromStart(await rebuildEmpty(), why);
      }
      await deleteSnapshotRecords(system, [COMPLETIONS_PARTITION]);
      await appendSnapshotRecords(system, COMPLETIONS_PARTITION, [garbage, null]);
      expectFromStart(await rebuildEmpty(), /^no snapshot: every record is read$/);
    });

    it('but takes the one before it, when that is sound', async () => {
      const { completed } = await snapshotOfSome();
      await appendCompletion(system, completed, { snapshotId: randomUUID() });
      const rebuilt = await rebuildEmpty();
      expect(rebuilt.result).to.include({ coupons: 1, assignments: 2 });
      expect(rebuilt.result.snapshot?.snapshotId).to.equal(completed.snapshotId);
      expect(snapshotLine(rebuilt)).to.match(/ need not be read again; not used: .* 0 of 1 chunks/);
    });

    it('when the topic is not there', async () => {
      const epoch = await epochOpened();
      await system.append([couponCreated({ epoch }), couponAssigned(1, { epoch })]);
      await system.append([couponAssigned(2, { epoch, userId: 'bo' })]);
      await deleteTopics(system.events.kafka, `${system.events.topicPrefix}coupon-snapshots`);
      expectFromStart(await rebuildEmpty(), /^no snapshot: every record is read$/);
    });
  });

  it('goes on under load, while snapshots are taken by two at once', async function () {
    this.timeout(180_000);
    let epoch = await epochOpened();
    await system.append([couponCreated({ epoch, quantity: 1_000_000 })]);
    let running = true;
    let sequence = 0;
    const workload = async (): Promise<void> => {
      while (running) {
        const events = Array.from({ length: 20 }, () => {
          sequence += 1;
          return couponAssigned(sequence, { epoch, userId: `user-${sequence}` });
        });
        await system.append(events);
      }
    };
    const photographer = async (): Promise<void> => {
      while (running) await takeOne(system);
    };
    const background = Promise.all([workload(), photographer(), photographer()]);
    let fromSnapshots = 0;
    try {
      for (let i = 0; i < 5; i += 1) {
        const result = await system.rebuild();
        epoch = result.epoch;
        if (result.snapshot !== null) fromSnapshots += 1;
      }
    } finally {
      running = false;
      await background;
    }
    expect(fromSnapshots).to.be.at.least(1);
    await takeOne(system);
    const { fromSnapshot, fromStart } = await rebuildBothWays();
    expectSame(fromSnapshot, fromStart);
  });

  it('shows its chunks in a form that people can read', async () => {
    const epoch = await epochOpened();
    await system.append([
      couponCreated({ epoch, title: '선착순 🎟️' }),
      couponAssigned(1, { epoch }),
    ]);
    await takeOne(system);
    const [chunk] = await snapshotRecords(system, CHUNKS_PARTITION);
    const { name, event } = await system.events.codec.decode(chunk?.value ?? null);
    expect(name).to.equal('SnapshotChunk');
    const [coupon] = (event as SnapshotChunk).coupons;
    expect(coupon?.created?.title).to.equal('선착순 🎟️');
    expect(coupon?.assignments[0]?.userId).to.equal('ann');
  });
});
