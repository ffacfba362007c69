// Ids of assignments, chosen so that a batch goes to one partition: an assignment's key is its id, so
// the id decides the partition. A batch in one partition is one request to one leader and one fetch of
// each follower instead of as many as there are partitions (docs/adr/0008).
import { randomUUID } from 'node:crypto';

/** So many tries for each partition: one id in four hundred million is not of the wanted one then. */
const TRIES_EACH = 20;
/** With more partitions a request would spend more on its id than a cut batch costs. */
const MAX_TRIES = 200;

/**
 * A source of random ids that all belong to one partition until the next batch begins, and then to the
 * next partition. `partitions`: how many there are now; `batches`: how many batches were begun. An id
 * of another partition is rare, and does no harm.
 */
export function createAssignmentIds(options: {
  partitions: () => number;
  partitionOf: (assignmentId: string, partitions: number) => number;
  batches: () => number;
}): () => string {
  return () => {
    const partitions = options.partitions();
    const wanted = options.batches() % partitions;
    const maxTries = Math.min(TRIES_EACH * partitions, MAX_TRIES);
    let id = randomUUID();
    for (let tries = 1; tries < maxTries; tries += 1) {
      if (options.partitionOf(id, partitions) === wanted) break;
      id = randomUUID();
    }
    return id;
  };
}
