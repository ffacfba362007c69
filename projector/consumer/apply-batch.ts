// One batch from bytes to rows: waits out transient failures, and finds the records that can never be
// applied.

import { topicPartitionOf } from '../../contracts/position.ts';
import type { EventCodec } from '../../platform/avro/event-codec.ts';
import { backoffMs } from '../../platform/backoff.ts';
import { bisectBatch, type NonEmpty } from '../../platform/bisect-batch.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Consumed, DecodeResult } from '../consumed-record.ts';
import { codeOf, failureOf, reasonOf } from '../failures.ts';
import { addCounts, ZERO_COUNTS } from '../projection/disposition-counts.ts';
import type { ApplyOutcome } from '../projection/store.ts';
import type { ConsumerHealth } from './consumer-health.ts';
import { decodeBatch, POISON_BACKOFF } from './decode-batch.ts';
import { type PartitionLease, PartitionRevoked } from './partition-lease.ts';
import { createWaitOut } from './wait-out.ts';

/** Stores decoded records and their checkpoint, all or nothing. */
export type StoreRecords = (records: NonEmpty<DecodeResult>) => Promise<ApplyOutcome>;

/**
 * Applies consecutive offsets of one partition.
 * @throws PartitionRevoked when the partition is no longer ours; every other error is unexpected
 */
export type ApplyBatch = (
  records: NonEmpty<Consumed>,
  lease: PartitionLease,
) => Promise<ApplyOutcome>;

type StoreUnderLease = (
  records: NonEmpty<DecodeResult>,
  lease: PartitionLease,
) => Promise<ApplyOutcome>;

/** An applier that decodes with `codec` and stores with `store`. */
export function createApplyBatch(parts: {
  codec: Pick<EventCodec, 'decode'>;
  store: StoreRecords;
  consumerHealth: Pick<ConsumerHealth, 'stalled' | 'resumed'>;
  logger: Logger;
}): ApplyBatch {
  const { codec, consumerHealth, logger } = parts;
  const waitOut = createWaitOut(consumerHealth, logger);

  const store: StoreUnderLease = async (records, lease) => {
    const { record } = records[0];
    for (let attempt = 0; ; attempt += 1) {
      try {
        const outcome = await lease.during(() => parts.store(records));
        consumerHealth.resumed(topicPartitionOf(record.topic, record.partition));
        return outcome;
      } catch (error) {
        if (error instanceof PartitionRevoked || failureOf(error).kind !== 'transient') throw error;
        await waitOut(record, error, attempt, lease);
      }
    }
  };
  return async (records, lease) =>
    storeBisecting(store, await decodeBatch(codec, records, lease, waitOut), lease);
}

/** Stores a batch; one that holds poison is halved until it is known which records are poison. */
async function storeBisecting(
  store: StoreUnderLease,
  records: NonEmpty<DecodeResult>,
  lease: PartitionLease,
): Promise<ApplyOutcome> {
  let counts = ZERO_COUNTS;
  let { offset: nextOffset } = records[0].record;
  const outcomes = bisectBatch(records, async (part) => {
    if (part.length === 1) return storeOne(store, part[0], lease);
    try {
      return await store(part, lease);
    } catch (error) {
      if (failureOf(error).kind !== 'poison') throw error;
      return 'split';
    }
  });
  for await (const outcome of outcomes) {
    if (outcome.kind === 'gap') return outcome;
    counts = addCounts(counts, outcome.counts);
    nextOffset = outcome.nextOffset;
  }
  return { kind: 'applied', nextOffset, counts };
}

/** Stores one record; after as many tries as its failure allows, as poison. */
async function storeOne(
  store: StoreUnderLease,
  decoded: DecodeResult,
  lease: PartitionLease,
): Promise<ApplyOutcome> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await store([decoded], lease);
    } catch (error) {
      const failure = failureOf(error);
      // When a dead letter itself can't be stored, another dead letter would not help.
      if (failure.kind !== 'poison' || decoded.kind !== 'event') throw error;
      if (attempts >= failure.tries) {
        const poison = { code: codeOf(error), reason: reasonOf(error), attempts };
        return store([{ kind: 'poison', record: decoded.record, poison }], lease);
      }
      await lease.wait(backoffMs(POISON_BACKOFF, attempts - 1));
    }
  }
}
