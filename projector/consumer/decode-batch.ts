// A batch from bytes to events: waits while the registry is away, and finds the records that
// can never be decoded.
import { toLogEvent } from '../../contracts/event-record.ts';
import type { EventCodec } from '../../platform/avro/event-codec.ts';
import { type Backoff, backoffMs } from '../../platform/backoff.ts';
import type { NonEmpty } from '../../platform/bisect-batch.ts';
import type { Consumed, ConsumedRecord, DecodeResult } from '../consumed-record.ts';
import { codeOf, failureOf, reasonOf } from '../failures.ts';
import type { PartitionLease } from './partition-lease.ts';
import type { WaitOut } from './wait-out.ts';

/** Between tries at a poison record: four waits are longer than the codec remembers a failed look-up. */
export const POISON_BACKOFF: Backoff = { firstMs: 500, factor: 2, maxMs: 4_000 };

type Undecoded = { record: ConsumedRecord; index: number; attempts: number };

/**
 * Decodes the records of a batch.
 * @returns one for each record, in their order
 * @throws PartitionRevoked when the partition is no longer ours; an error that `failureOf` does not know
 */
export async function decodeBatch(
  codec: Pick<EventCodec, 'decode'>,
  records: NonEmpty<Consumed>,
  lease: PartitionLease,
  waitOut: WaitOut,
): Promise<NonEmpty<DecodeResult>> {
  const decoded: DecodeResult[] = new Array(records.length);
  let undecoded: Undecoded[] = [];
  for (const [index, record] of records.entries()) {
    if ('to' in record) decoded[index] = { kind: 'vacant', record };
    else undecoded.push({ record, index, attempts: 0 });
  }
  for (let round = 0; ; round += 1) {
    const { remaining, transient } = await lease.during(() =>
      decodeEach(codec, undecoded, decoded),
    );
    if (remaining.length === 0) break;
    undecoded = remaining;
    if (transient === null) await lease.wait(backoffMs(POISON_BACKOFF, round));
    else await waitOut(records[0], transient.error, round, lease);
  }
  return decoded as [DecodeResult, ...DecodeResult[]];
}

/**
 * Decodes records into `decoded`, each at its index.
 * @returns those to be decoded again, and the transient failure that ended the round, if one did
 */
async function decodeEach(
  codec: Pick<EventCodec, 'decode'>,
  undecoded: readonly Undecoded[],
  decoded: DecodeResult[],
): Promise<{ remaining: Undecoded[]; transient: { error: unknown } | null }> {
  const remaining: Undecoded[] = [];
  for (const [position, { record, index, attempts }] of undecoded.entries()) {
    try {
      const { name, event } = await codec.decode(record.value);
      decoded[index] = { kind: 'event', record, event: toLogEvent(name, event) };
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'unknown') throw error;
      // The others of the batch would meet the same failure.
      if (failure.kind === 'transient') {
        return { remaining: [...remaining, ...undecoded.slice(position)], transient: { error } };
      }
      if (attempts + 1 < failure.tries) {
        remaining.push({ record, index, attempts: attempts + 1 });
      } else {
        const poison = { code: codeOf(error), reason: reasonOf(error), attempts: attempts + 1 };
        decoded[index] = { kind: 'poison', record, poison };
      }
    }
  }
  return { remaining, transient: null };
}
