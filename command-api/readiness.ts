// Ready = a coupon could be assigned now: the gate is open, Redis answers, the log acknowledges. Not: there
// is room for one more request. A balancer that took busy instances out would send their requests to the
// others, until none is left; whoever is at capacity says so to each request (http/shed-load.ts).
import type { Redis } from 'ioredis';
import type { Readiness } from '../http/health.ts';
import type { Gate } from './gate/gate.ts';
import type { LogWriter } from './outbox/log-writer.ts';

/** What is missing, or ready. Never throws. */
export async function checkReadiness(parts: {
  redis: Pick<Redis, 'ping'>;
  gate: Pick<Gate, 'state'>;
  writer: Pick<LogWriter, 'failingSince'>;
}): Promise<Readiness> {
  const gate = parts.gate.state();
  if (gate.kind === 'closed') return { ready: false, reason: `gate closed: ${gate.reason}` };
  if (parts.writer.failingSince() !== null) {
    return { ready: false, reason: 'the log does not acknowledge' };
  }
  try {
    await parts.redis.ping();
  } catch {
    return { ready: false, reason: 'Redis does not answer' };
  }
  return { ready: true };
}
