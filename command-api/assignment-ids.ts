// Ids of assignments, chosen so that a batch goes to one partition: an assignment's key is its id, so
// the id decides the partition. A batch in one partition is one request to one leader and one fetch of
// each follower instead of as many as there are partitions (docs/adr/0008).
import { randomUUID } from 'node:crypto';

/** With three partitions, one id in two hundred thousand is not of the wanted one after so many. */
const MAX_TRIES = 30;

/**
 * A source of random ids of the partition whose turn it is. `turn`: a number that changes with every
 * batch; the partitions take their turns by it. An id of another partition is rare, and does no harm.
 */
export function createAssignmentIds(options: {
  partitions: number;
  partitionOf: (assignmentId: string) => number;
  turn: () => number;
}): () => string {
  return () => {
    const wanted = options.turn() % options.partitions;
    let id = randomUUID();
    for (let tries = 1; tries < MAX_TRIES && options.partitionOf(id) !== wanted; tries += 1) {
      id = randomUUID();
    }
    return id;
  };
}
