import { expect } from 'chai';
import { createAssignmentIds } from '../../../command-api/outbox/assignment-ids.ts';
import { toUuid } from '../../../domain/ids.ts';

/** A partition by the first digit of the id: even over 16, as over 2 or 4. */
const partitionOf = (id: string, partitions: number): number =>
  Number.parseInt(id.slice(0, 1), 16) % partitions;

describe('The ids of assignments', () => {
  it('are of one partition until the next batch begins, and then of the next partition', () => {
    let batches = 0;
    const newId = createAssignmentIds({ partitions: () => 4, partitionOf, batches: () => batches });
    for (batches = 0; batches < 9; batches += 1) {
      const partitions = new Set(Array.from({ length: 50 }, () => partitionOf(newId(), 4)));
      expect([...partitions]).to.deep.equal([batches % 4]);
    }
  });

  it('are of the further partitions, too, once there are more', () => {
    let partitions = 2;
    let batches = 0;
    const newId = createAssignmentIds({
      partitions: () => partitions,
      partitionOf,
      batches: () => batches,
    });
    newId();
    partitions = 4;
    const used = Array.from({ length: 4 }, () => {
      batches += 1;
      return partitionOf(newId(), 4);
    });
    expect(used).to.deep.equal([1, 2, 3, 0]);
  });

  it('are UUIDs, each another one', () => {
    const newId = createAssignmentIds({
      partitions: () => 2,
      partitionOf,
      batches: () => 1,
    });
    const ids = new Set(Array.from({ length: 1_000 }, newId));
    expect(ids.size).to.equal(1_000);
    for (const id of ids) expect(toUuid(id)).to.equal(id);
  });

  it('are given even where no id belongs to the wanted partition', () => {
    const newId = createAssignmentIds({
      partitions: () => 3,
      partitionOf: () => 0,
      batches: () => 1,
    });
    expect(toUuid(newId())).to.be.a('string');
  });
});
