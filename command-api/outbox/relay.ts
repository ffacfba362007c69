// Emits again what stayed in an outbox: after a crash, a lost connection, an unknown outcome.
// Runs in every command API; emitting an event twice is harmless.
import type { Redis } from 'ioredis';
import type { RedisKeys } from '../../contracts/redis-keys.ts';
import { messageOf } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Gate } from '../gate/gate.ts';
import type { CommandMetrics } from '../metrics.ts';
import { parseOutboxEvent } from '../write-model/script-reply.ts';
import type { Publisher } from './publisher.ts';

export type Relay = { close(): Promise<void> };

type RelayOptions = {
  redis: Redis;
  keys: RedisKeys;
  gate: Pick<Gate, 'state'>;
  publisher: Pick<Publisher, 'relay'>;
  intervalMs: number;
  minAgeMs: number;
  metrics: CommandMetrics;
  logger: Logger;
};

/** Events taken from one coupon's outbox in one round. */
const MAX_PER_COUPON = 1_000;

/** Looks at every outbox now, and then every `intervalMs`, for events older than `minAgeMs`. */
export function startRelay(options: RelayOptions): Relay {
  let round: Promise<void> = Promise.resolve();
  let busy = false;
  const startRound = (): void => {
    if (busy || options.gate.state().kind === 'closed') return;
    busy = true;
    round = relayOnce(options)
      .catch((error: unknown) => {
        options.logger.warn({ reason: messageOf(error) }, 'a round of the relay failed');
      })
      .finally(() => {
        busy = false;
      });
  };
  const timer = setInterval(startRound, options.intervalMs);
  startRound();
  return {
    close: () => {
      clearInterval(timer);
      return round;
    },
  };
}

async function relayOnce({
  redis,
  keys,
  publisher,
  minAgeMs,
  metrics,
  logger,
}: RelayOptions): Promise<void> {
  const [seconds] = await redis.time();
  const decidedBefore = Number(seconds) * 1_000 - minAgeMs;
  const couponIds = await redis.smembers(keys.coupons);
  let relayed = 0;
  // Sequential on purpose: the relay must leave Redis to the requests, and most outboxes are empty.
  for (const couponId of couponIds) {
    const eventIds = await redis.zrangebyscore(
      keys.outbox(couponId),
      '-inf',
      decidedBefore,
      'LIMIT',
      0,
      MAX_PER_COUPON,
    );
    if (eventIds.length === 0) continue;
    const events = await redis.hmget(keys.outboxEvents(couponId), ...eventIds);
    for (const json of events) {
      if (json !== null && publisher.relay(parseOutboxEvent(json))) relayed += 1;
    }
  }
  if (relayed > 0) {
    metrics.relayed(relayed);
    logger.info({ events: relayed }, 'events that had stayed in an outbox are emitted again');
  }
}
