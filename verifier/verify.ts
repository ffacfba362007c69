// A verification: connect, wait for what is under way, read everything, check it.
import { createRedisKeys } from '../contracts/redis-keys.ts';
import { type CollectedFacts, collectFacts, type VerifyOptions } from './collect-facts.ts';
import { connectVerifier, type VerifierConnections } from './connect.ts';
import type { Finding } from './finding.ts';
import { checkInvariants } from './invariants.ts';
import { readGateEpoch } from './read/read-redis.ts';
import type { VerifySettings } from './settings.ts';

export type Verification = {
  /** No invariant is broken. */
  ok: boolean;
  findings: Finding[];
  /** What had not arrived when the waiting ended; empty when everything had. */
  notArrived: string[];
  /** Records that came into the log while it was read. */
  writtenMeanwhile: number;
  tookMs: number;
};

/** How often everything is read when Redis is rebuilt meanwhile. */
const MAX_READINGS = 4;

/**
 * Verifies a running system; changes nothing in it.
 * @throws AppError STARTUP_FAILED naming a part that can't be reached, or what reading it threw: then
 * nothing is known
 */
export async function verify(
  settings: VerifySettings,
  options: VerifyOptions = {},
): Promise<Verification> {
  const startedAt = performance.now();
  const connections = await connectVerifier(settings);
  try {
    const { facts, notArrived, writtenMeanwhile } = await collectOfOneEpoch(
      settings,
      options,
      connections,
    );
    const findings = checkInvariants(facts);
    return {
      ok: findings.every(({ ok }) => ok),
      findings,
      notArrived,
      writtenMeanwhile,
      tookMs: performance.now() - startedAt,
    };
  } finally {
    await connections.close();
  }
}

// A rebuild between two readings makes them of two epochs, which says nothing of the system. What is
// really broken is still so the next time.
async function collectOfOneEpoch(
  settings: VerifySettings,
  options: VerifyOptions,
  connections: VerifierConnections,
): Promise<CollectedFacts> {
  const keys = createRedisKeys(settings.redisKeyPrefix);
  for (let reading = 1; ; reading += 1) {
    const collected = await collectFacts(settings, options, connections);
    const { gateEpoch } = collected.facts.redis;
    const isOfOne = gateEpoch === (await readGateEpoch(connections.redis, keys));
    if (isOfOne || reading === MAX_READINGS) return collected;
    options.progress?.('Redis was rebuilt meanwhile: reading everything again');
  }
}
