// The change that a batch of an event topic makes: rows, and a dead letter for what can't become one.
import type { DeadLetter } from '../consumed-record.ts';
import { insertRows } from './insert-rows.ts';
import { project } from './project.ts';
import type { MakeChange } from './store.ts';
import type { ReadTables } from './tables.ts';

/**
 * Projects batches. The checkpoint moves past a dead letter only after the brokers acknowledged it:
 * it is written before the commit, and after everything else that can fail.
 */
export function createProjectBatch(
  writeDeadLetters: (deadLetters: readonly DeadLetter[]) => Promise<void>,
  tables?: ReadTables,
): MakeChange {
  return async (trx, records, highestMarker) => {
    const projection = project(records[0].record.topic, records, highestMarker);
    const { applied, repeated, issued } = await insertRows(trx, projection, tables);
    await writeDeadLetters(projection.deadLetters);
    return {
      counts: {
        applied,
        repeated: projection.repeated + repeated,
        fenced: projection.fenced,
        markers: projection.markers,
        deadLettered: projection.deadLetters.length,
      },
      highestMarker: projection.highestMarker,
      issued,
    };
  };
}
