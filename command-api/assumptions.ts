// What the command API looks at while it runs (docs/assumptions.md).
import type { Assumption } from '../platform/assumptions.ts';

/** While one that closes is broken, its gate is closed, and nothing is decided. */
export function commandApiAssumptions(): Assumption[] {
  return [];
}
