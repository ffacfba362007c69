// Checks the invariants over collected facts. Pure.
import { checkRefusals, checkSameAnswer } from './checkers/check-answers.ts';
import { checkClient } from './checkers/check-client.ts';
import { checkCheckpoints, checkDispositions } from './checkers/check-consumption.ts';
import { checkReadModel } from './checkers/check-read-model.ts';
import { checkRedis } from './checkers/check-redis.ts';
import { checkQuantity, checkUserLimit } from './checkers/check-stock.ts';
import { checkTransitions } from './checkers/check-transitions.ts';
import type { SystemFacts } from './facts.ts';
import type { Finding } from './finding.ts';
import { judgeLog } from './judge-log.ts';

/**
 * One finding per invariant that these facts can decide: 1, 2, 4, 5, 7, 8, 10, and with a ledger
 * also 3, 6 and 9. The eleventh is about time: whoever ends a fault measures it.
 */
export function checkInvariants(facts: SystemFacts): Finding[] {
  const log = judgeLog(facts.log);
  const { ledger } = facts;
  return [
    checkQuantity(facts, log),
    checkUserLimit(facts, log),
    ...(ledger === null ? [] : [checkClient(facts, log, ledger)]),
    checkRedis(facts, log),
    checkReadModel(facts, log),
    ...(ledger === null ? [] : [checkSameAnswer(log, ledger)]),
    checkCheckpoints(facts, log),
    checkDispositions(facts, log),
    ...(ledger === null ? [] : [checkRefusals(facts, log, ledger)]),
    checkTransitions(facts, log),
  ];
}
