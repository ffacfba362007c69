// The wait after a transient failure, as logs and health answers report it.

import { type Position, topicPartitionOf } from '../../contracts/position.ts';
import { type Backoff, backoffMs } from '../../platform/backoff.ts';
import type { Logger } from '../../platform/logger.ts';
import { codeOf, reasonOf } from '../failures.ts';
import type { ConsumerHealth } from './consumer-health.ts';
import type { PartitionLease } from './partition-lease.ts';

/**
 * Waits before the work that begins at this position is tried again, longer after each attempt (0: the first).
 * @throws PartitionRevoked as soon as the lease is over
 */
export type WaitOut = (
  position: Position,
  error: unknown,
  attempt: number,
  lease: PartitionLease,
) => Promise<void>;

const TRANSIENT_BACKOFF: Backoff = { firstMs: 1_000, factor: 2, maxMs: 30_000 };

/** Waits that are reported to `consumerHealth` and `logger`. */
export function createWaitOut(
  consumerHealth: Pick<ConsumerHealth, 'stalled'>,
  logger: Logger,
): WaitOut {
  return async ({ topic, partition }, error, attempt, lease) => {
    const waitMs = backoffMs(TRANSIENT_BACKOFF, attempt);
    const reason = reasonOf(error);
    logger.warn({ topic, partition, code: codeOf(error), reason, waitMs }, 'trying again');
    consumerHealth.stalled(topicPartitionOf(topic, partition), reason);
    await lease.wait(waitMs);
  };
}
