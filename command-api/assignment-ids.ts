// Ids of assignments, chosen so that a batch goes to one partition: an assignment's key is its id, so
// the id decides the partition. A batch in one partition is one request to one leader and one fetch of
// each follower instead of as many as there are partitions (docs/adr/0008).
import { randomUUID } from 'node:crypto';

/** With three partitions, one id in two hundred thousand is not of the wanted one after so many. */
const MAX_TRIES = 30;

/**
 * A source of random ids of the partition whose turn it is. `partitions`: how many there are now.
 * `turn`: a number that changes with every batch; the partitions take their turns by it. An id of
 * another partition is rare, and does no harm.
 */
export function createAssignmentIds(options: {
  partitions: () => number;
  partitionOf: (assignmentId: string, partitions: number) => number;
  turn: () => number;
}): () => string {
  return () => {
    const partitions = options.partitions();
    const wanted = options.turn() % partitions;
    let id = randomUUID();
    for (let tries = 1; tries < MAX_TRIES; tries += 1) {
      if (options.partitionOf(id, partitions) === wanted) break;
      id = randomUUID();
    }
    return id;
  };
}
