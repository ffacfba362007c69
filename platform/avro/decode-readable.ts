// Decoding for readers that go on when a record can never be read.
import { AppError } from '../errors.ts';
import type { DecodedRecord, EventCodec } from './event-codec.ts';

/**
 * The record in framed bytes; null when this version can never read it.
 * @throws AppError REGISTRY_UNAVAILABLE (retriable): it may be readable later
 */
export async function decodeReadable(
  codec: Pick<EventCodec, 'decode'>,
  value: Buffer | null,
): Promise<DecodedRecord | null> {
  try {
    return await codec.decode(value);
  } catch (error) {
    if (error instanceof AppError && error.retriable === false) return null;
    throw error;
  }
}
