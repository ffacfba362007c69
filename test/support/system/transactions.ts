// Transactions, as none of our own processes writes them.
import { randomUUID } from 'node:crypto';
import type { KafkaClient } from '../../../platform/kafka/client.ts';
import { kafkajsOf } from '../../../platform/kafka/kafkajs-of.ts';
import type { TestRecord } from './records.ts';

/** Records that are in the log, and whose transaction is still open. */
export type OpenTransaction = {
  commit(): Promise<void>;
  abort(): Promise<void>;
};

/** Longer than any test: the brokers abort what is open for this long. */
const TIMEOUT_MS = 600_000;

/** Writes records (of physical topics, the first partition if none is said) in a transaction of their own. */
export async function openTransaction(
  client: KafkaClient,
  records: readonly TestRecord[],
): Promise<OpenTransaction> {
  const producer = kafkajsOf(client).producer({
    transactionalId: `test-${randomUUID()}`,
    transactionTimeout: TIMEOUT_MS,
    idempotent: true,
    maxInFlightRequests: 1,
    // A coordinator that is loading is asked again.
    retry: { retries: 20 },
  });
  await producer.connect();
  const transaction = await producer.transaction();
  for (const { topic, partition = 0, key = null, value } of records) {
    await transaction.send({ topic, messages: [{ partition, key, value }] });
  }
  const endingWith = (end: () => Promise<void>) => async (): Promise<void> => {
    await end();
    await producer.disconnect();
  };
  return {
    commit: endingWith(() => transaction.commit()),
    abort: endingWith(() => transaction.abort()),
  };
}

/** As `openTransaction`, and ends it at once. */
export async function endedTransaction(
  client: KafkaClient,
  end: 'commit' | 'abort',
  records: readonly TestRecord[],
): Promise<void> {
  const transaction = await openTransaction(client, records);
  await transaction[end]();
}
