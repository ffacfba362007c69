// Records that can never be applied, written to their dead letter topics.
import { toDeadLetterRecord } from '../../contracts/dead-letter.ts';
import { bisectBatch } from '../../platform/bisect-batch.ts';
import { pairsOf } from '../../platform/kafka/headers.ts';
import { demandOffsets, type RecordProducer } from '../../platform/kafka/producer.ts';
import type { Logger } from '../../platform/logger.ts';
import type { DeadLetter } from '../consumed-record.ts';

/**
 * Writes dead letters. What is too large for its dead letter topic is written without its bytes: they
 * stay in the log, where the dead letter says.
 * @throws AppError KAFKA_UNAVAILABLE (retriable) when not all of them were acknowledged in time;
 * some may be there then, and will be there twice
 */
export type WriteDeadLetters = (deadLetters: readonly DeadLetter[]) => Promise<void>;

type WriterParts = {
  producer: Pick<RecordProducer, 'send'>;
  topicPrefix: string;
  now: () => number;
  logger: Logger;
};

const WRITE_LIMIT_MS = 10_000;
/**
 * Larger ones are not even tried: a batch that was compressed may hold a record of any size, and the
 * brokers end the connection over a request that is far too large.
 */
const MAX_BYTES = 8 * 1_048_576;

/** A writer over a producer. `now`: milliseconds since 1970. */
export function createDeadLetterWriter(parts: WriterParts): WriteDeadLetters {
  const { now, logger } = parts;
  return async (deadLetters) => {
    const [first, ...others] = deadLetters;
    if (first === undefined) return;
    const failedAtMs = now();
    const sends = bisectBatch([first, ...others], async (part) => {
      const outcome = await send(parts, part, failedAtMs);
      if (outcome.kind === 'refused' && part.length > 1) return 'split';
      const last =
        outcome.kind === 'refused'
          ? await send(parts, part.map(withoutBytes), failedAtMs)
          : outcome;
      return demandOffsets(last, "the dead letter topic can't be written");
    });
    for await (const _ of sends);
    for (const { record, poison } of deadLetters) {
      const { topic, partition, offset } = record;
      logger.error({ topic, partition, offset: String(offset), ...poison }, 'dead letter');
    }
  };
}

type Sendable = DeadLetter & { isWithoutBytes?: true };

function send(
  { producer, topicPrefix }: WriterParts,
  deadLetters: readonly Sendable[],
  failedAtMs: number,
) {
  const records = deadLetters.map((deadLetter) => {
    const { record, ...origin } =
      bytesOf(deadLetter) > MAX_BYTES ? withoutBytes(deadLetter) : deadLetter;
    const { topic, ...toSend } = toDeadLetterRecord({ ...record, ...origin, failedAtMs }, record);
    return { topic: topicPrefix + topic, ...toSend };
  });
  return producer.send(records, { timeoutMs: WRITE_LIMIT_MS });
}

function withoutBytes({ record, ...origin }: DeadLetter): Sendable {
  return {
    ...origin,
    record: { ...record, key: null, value: null, headers: {} },
    isWithoutBytes: true,
  };
}

function bytesOf({ record: { key, value, headers } }: DeadLetter): number {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0);
  for (const pair of pairsOf(headers)) bytes += pair.key.length + (pair.value?.length ?? 0);
  return bytes;
}
