// Sending that ends with the acknowledgement of everything, or with an error in bounded time.
import type { Producer } from 'kafkajs';
import { withDeadline } from '../deadline.ts';
import { AppError, messageOf } from '../errors.ts';
import { demandAcknowledged } from './client.ts';

export type TopicMessages = NonNullable<Parameters<Producer['sendBatch']>[0]['topicMessages']>;

/**
 * Connects the producer if it isn't connected, and sends messages that name their partitions.
 * @throws AppError KAFKA_UNAVAILABLE (retriable) when not all in-sync replicas acknowledged all of them
 * within `limitMs`; some may be in the log then. `what` names them in its message.
 */
export async function sendAcknowledged(
  producer: Pick<Producer, 'connect' | 'sendBatch'>,
  topicMessages: TopicMessages,
  { what, limitMs }: { what: string; limitMs: number },
): Promise<void> {
  const send = async (): Promise<void> => {
    await producer.connect();
    demandAcknowledged(topicMessages, await producer.sendBatch({ acks: -1, topicMessages }));
  };
  try {
    const late = () => new Error(`no acknowledgement in ${limitMs} ms`);
    await withDeadline(send(), limitMs, late);
  } catch (cause) {
    const reason = `${what} can't be written: ${messageOf(cause)}`;
    throw new AppError('KAFKA_UNAVAILABLE', reason, { cause, retriable: true });
  }
}
