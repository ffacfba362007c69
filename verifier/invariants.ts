// The checks of the design's invariants over collected facts. Pure: what was read elsewhere decides.
import { checkClient } from './check-client.ts';
import { checkCheckpoints, checkFates } from './check-consumption.ts';
import { checkReadModel } from './check-read-model.ts';
import { checkRedis } from './check-redis.ts';
import { checkQuantity, checkUserLimit } from './check-stock.ts';
import type { Facts } from './facts.ts';
import type { Finding } from './finding.ts';
import { foldLog } from './fold-log.ts';

/** One finding per invariant that these facts can tell of: 1, 2, 4, 5, 7, 8, and 3 with a ledger. */
export function checkInvariants(facts: Facts): Finding[] {
  const log = foldLog(facts.log);
  return [
    checkQuantity(facts, log),
    checkUserLimit(facts, log),
    ...(facts.ledger === null ? [] : [checkClient(facts, log, facts.ledger)]),
    checkRedis(facts, log),
    checkReadModel(facts, log),
    checkCheckpoints(facts, log),
    checkFates(facts, log),
  ];
}
