// What the query API looks at while it runs (docs/assumptions.md).
import type { Assumption } from '../platform/assumptions.ts';

/** Broken, it is not ready and says why. */
export function queryApiAssumptions(): Assumption[] {
  return [];
}
