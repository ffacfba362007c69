// Ready = a coupon could be assigned now: the gate is open, Redis answers, the log acknowledges, and
// there is room for one more request.
import type { Redis } from 'ioredis';
import type { Readiness } from '../http/health.ts';
import type { Gate } from './gate/gate.ts';
import type { LogWriter } from './outbox/log-writer.ts';

/** What is missing, or ready. Never throws. */
export async function checkReadiness(parts: {
  redis: Redis;
  gate: Gate;
  writer: LogWriter;
  load: { max: number; current: number };
}): Promise<Readiness> {
  const gate = parts.gate.state();
  if (gate.kind === 'closed') return { ready: false, reason: `gate closed: ${gate.reason}` };
  if (parts.writer.failingSince() !== null) {
    return { ready: false, reason: 'the log does not acknowledge' };
  }
  if (parts.load.current >= parts.load.max)
    return { ready: false, reason: 'no room for a request' };
  try {
    await parts.redis.ping();
  } catch {
    return { ready: false, reason: 'Redis does not answer' };
  }
  return { ready: true };
}
