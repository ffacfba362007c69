// One Metadata request by hand: a Kafka client would bring its own retries, timers and warnings.
import { connect } from 'node:net';

const METADATA_API_KEY = 3;
const METADATA_VERSION = 1;
const PROBE_TIMEOUT_MS = 2_000;

/**
 * Asks one broker which brokers of its cluster are alive.
 * @returns their ids
 * @throws Error when the broker does not answer within 2 s
 */
export function fetchLiveBrokerIds(host: string, port: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: PROBE_TIMEOUT_MS });
    let received = Buffer.alloc(0);
    socket.once('connect', () => socket.write(metadataRequest()));
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes]);
      const isWhole = received.length >= 4 && received.length >= 4 + received.readInt32BE(0);
      if (!isWhole) return;
      socket.destroy();
      try {
        resolve(parseBrokerIds(received.subarray(4)));
      } catch (error) {
        reject(error);
      }
    });
    socket.once('timeout', () => socket.destroy(new Error('no answer to a metadata request')));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the broker closed the connection')));
  });
}

/** A Metadata request for no topic, with its length in front. */
export function metadataRequest(): Buffer {
  const request = Buffer.alloc(18);
  request.writeInt32BE(request.length - 4, 0);
  request.writeInt16BE(METADATA_API_KEY, 4);
  request.writeInt16BE(METADATA_VERSION, 6);
  request.writeInt32BE(1, 8);
  request.writeInt16BE(-1, 12);
  request.writeInt32BE(0, 14);
  return request;
}

/**
 * The broker ids of a Metadata response, given without its length.
 * @throws RangeError when it is cut short
 */
export function parseBrokerIds(response: Buffer): number[] {
  let offset = 4;
  const int32 = () => {
    offset += 4;
    return response.readInt32BE(offset - 4);
  };
  const skipString = () => {
    const length = response.readInt16BE(offset);
    offset += 2 + Math.max(length, 0);
  };
  return Array.from({ length: int32() }, () => {
    const id = int32();
    skipString();
    int32();
    skipString();
    return id;
  });
}
