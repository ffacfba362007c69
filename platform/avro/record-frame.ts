// The Confluent frame around an Avro body: a 0 byte, the schema id in 4 bytes (big endian), the body.

/** Bytes before the body. */
export const FRAME_BYTES = 5;

/** Writes the frame of `schemaId` to the start of `buffer`. */
export function writeFrame(buffer: Buffer, schemaId: number): void {
  buffer[0] = 0;
  buffer.writeUInt32BE(schemaId, 1);
}

/** The schema id of framed bytes, or why they are no frame. */
export function readFrame(
  value: Buffer | null,
): { kind: 'framed'; schemaId: number } | { kind: 'unframed'; reason: string } {
  if (value === null) return { kind: 'unframed', reason: 'the record has no value' };
  if (value.length < FRAME_BYTES) {
    return { kind: 'unframed', reason: `${value.length} bytes are too few for a frame` };
  }
  if (value[0] !== 0) {
    return { kind: 'unframed', reason: `the first byte is ${value[0]}, not 0` };
  }
  return { kind: 'framed', schemaId: value.readUInt32BE(1) };
}
