import { expect } from 'chai';
import fc from 'fast-check';
import { partitionsAbove, type Reach } from '../../../query-api/read-model/reach.ts';
import { takeSince } from '../../../query-api/read-model/take-since.ts';

type Row = { sequence: number; applied_partition: number; applied_offset: number };
const bySequence = (a: Row, b: Row): number => a.sequence - b.sequence;

/** Sequences, by partition: each partition has them at the offsets 0, 1, ... */
function rowsOf(partitions: readonly (readonly number[])[]): Row[] {
  return partitions.flatMap((sequences, applied_partition) =>
    sequences.map((sequence, applied_offset) => ({ sequence, applied_partition, applied_offset })),
  );
}

function reachOf(offsets: readonly number[]): Reach {
  return new Map(offsets.map((offset, partition) => [partition, offset]));
}

describe('takeSince', () => {
  const take = (rows: Row[], share: number, room: number, now: readonly number[]) =>
    takeSince(
      { partitions: partitionsAbove(reachOf([]), reachOf(now)), share, rows },
      { reach: reachOf([]), now: reachOf(now), room, compare: bySequence },
    );

  it('takes the lowest first, never one of a partition before those below it there', () => {
    const { taken } = take(
      rowsOf([
        [5, 1],
        [2, 9],
      ]),
      5,
      4,
      [2, 2],
    );
    expect(taken.map(({ sequence }) => sequence)).to.deep.equal([2, 5, 1, 9]);
  });

  it('goes on behind what it took, and where it took all, behind the checkpoint', () => {
    const { reach, isLeft } = take(rowsOf([[1, 4, 5], [2]]), 5, 3, [7, 9]);
    expect(isLeft).to.equal(true);
    expect([...reach]).to.deep.equal([
      [0, 2],
      [1, 9],
    ]);
  });

  it('does not take a partition for read that gave all it was asked for', () => {
    const { reach, isLeft } = take(rowsOf([[1, 2], [3]]), 2, 3, [7, 9]);
    expect(isLeft).to.equal(false);
    expect([...reach]).to.deep.equal([
      [0, 2],
      [1, 9],
    ]);
  });

  it('says that rows are left when there is no room', () => {
    expect(take(rowsOf([[1]]), 1, 0, [1])).to.deep.include({ taken: [], isLeft: true });
    expect(take([], 1, 0, [1])).to.deep.include({ taken: [], isLeft: false });
  });

  it('gives every row once, however small the shares and rooms', () => {
    const anyPartitions = fc.array(fc.array(fc.nat(50), { maxLength: 12 }), { maxLength: 5 });
    fc.assert(
      fc.property(anyPartitions, fc.integer({ min: 1, max: 5 }), (partitions, room) => {
        const all = rowsOf(partitions);
        const now = reachOf(partitions.map(({ length }) => length));
        const shown: Row[] = [];
        let reach = reachOf([]);
        for (;;) {
          const above = partitionsAbove(reach, now);
          if (above.length === 0) break;
          const share = Math.ceil((room + 1) / above.length);
          const rows = above.flatMap((partition) =>
            all
              .filter((row) => row.applied_partition === partition)
              .filter((row) => row.applied_offset >= (reach.get(partition) ?? 0))
              .slice(0, share),
          );
          const since = { partitions: above, share, rows };
          const step = takeSince(since, { reach, now, room, compare: bySequence });
          shown.push(...step.taken);
          reach = step.reach;
        }
        expect(shown).to.have.deep.members(all);
      }),
    );
  });
});
