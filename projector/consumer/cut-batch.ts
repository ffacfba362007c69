// What Kafka hands over at once, cut to what one transaction takes.

export type BatchLimits = {
  maxRecords: number;
  /** Of the records' values together. A record that is larger alone makes a batch of its own. */
  maxBytes: number;
};

/** The same records in the same order, in batches within the limits. What has no value weighs nothing. */
export function cutBatch<T extends object>(
  records: readonly T[],
  { maxRecords, maxBytes }: BatchLimits,
): T[][] {
  const batches: T[][] = [];
  let batch: T[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = 'value' in record && Buffer.isBuffer(record.value) ? record.value.length : 0;
    if (batch.length === maxRecords || (batch.length > 0 && bytes + size > maxBytes)) {
      batches.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(record);
    bytes += size;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}
