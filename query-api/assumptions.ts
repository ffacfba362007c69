// What the query API looks at while it runs (docs/assumptions.md).
import type { Knex } from 'knex';
import type { Assumption } from '../platform/assumptions.ts';
import { mysqlClockAssumption } from '../platform/clock-assumption.ts';

/** Broken, it is not ready and says why. */
export function queryApiAssumptions(database: Knex): Assumption[] {
  return [mysqlClockAssumption(database)];
}
