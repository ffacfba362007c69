// The progress and the result of a rebuild of the read tables, as lines for an operator.
import type { TableComparison } from './compare-tables.ts';
import type { LogFollower } from './follow-log.ts';

const REPORT_EVERY_MS = 1_000;

/** Reports about once a second how far the follower is on its way to `total`. @returns what ends it */
export function showProgress(
  follower: LogFollower,
  total: bigint,
  report: (line: string) => void,
): () => void {
  let before = follower.applied();
  const timer = setInterval(() => {
    const records = follower.applied();
    report(`${records} of ${total} records, ${rate(Number(records - before), REPORT_EVERY_MS)}`);
    before = records;
  }, REPORT_EVERY_MS);
  return () => clearInterval(timer);
}

/** Reports what a comparison found. */
export function reportComparison(
  comparison: TableComparison,
  report: (line: string) => void,
): void {
  const { table, equal, different, onlyLive, onlyNext, examples } = comparison;
  report(
    `${table}: ${equal} equal, ${different} different, ${onlyLive} too many, ${onlyNext} missing`,
  );
  for (const example of examples) report(`  ${example}`);
}

/** A time in milliseconds, in seconds. */
export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

/** Records in a time, as a rate. */
export function rate(records: number, ms: number): string {
  return `${Math.round((records * 1_000) / Math.max(1, ms))}/s`;
}
