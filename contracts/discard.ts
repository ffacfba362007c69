// A discard: an operator's decision that one record of the log, which nobody can read, is passed over by
// every reader. It stands in the log itself (coupon-discards), so that it outlives every table.
import { formatPositions, type Position } from './position.ts';

/** A decision for good; `valueHash` (`hashOfValue`) ties it to the bytes that were looked at. */
export type Discard = {
  /** Of the discarded record; its topic is logical. */
  position: Position;
  valueHash: string;
  decidedAtMs: number;
  by: string;
  because: string;
};

/** The records that every reader passes over. */
export type Discards = {
  has(position: Position, value: Buffer | null): boolean;
};

const FORMAT = 1;

/** Key and value of the record of `coupon-discards` that holds this discard. */
export function toDiscardRecord({ position, ...decision }: Discard): {
  key: string;
  value: Buffer;
} {
  const { topic, partition, offset } = position;
  const content = { format: FORMAT, topic, partition, offset: String(offset), ...decision };
  return { key: formatPositions([position]), value: Buffer.from(JSON.stringify(content)) };
}

/** The discard in a record's value; null when it is none, which then discards nothing. */
function readDiscard(value: Buffer | null): Discard | null {
  const content = parseObject(value);
  if (content === null || content.format !== FORMAT) return null;
  const { topic, partition, offset, valueHash, decidedAtMs, by, because } = content;
  if (
    typeof topic !== 'string' ||
    !isWhole(partition) ||
    typeof offset !== 'string' ||
    !/^\d{1,18}$/.test(offset) ||
    typeof valueHash !== 'string' ||
    !isWhole(decidedAtMs) ||
    typeof by !== 'string' ||
    typeof because !== 'string'
  ) {
    return null;
  }
  const position = { topic, partition, offset: BigInt(offset) };
  return { position, valueHash, decidedAtMs, by, because };
}

/**
 * The discards in these records of `coupon-discards`, to be asked record by record.
 * @param hashOf `hashOfValue` of the platform
 */
export function collectDiscards(
  records: Iterable<{ value: Buffer | null }>,
  hashOf: (value: Buffer | null) => string,
): Discards {
  const hashes = new Map<string, Set<string>>();
  for (const { value } of records) {
    const discard = readDiscard(value);
    if (discard === null) continue;
    const { position, valueHash } = discard;
    const name = formatPositions([position]);
    hashes.set(name, (hashes.get(name) ?? new Set()).add(valueHash));
  }
  return {
    has: (position, value) =>
      hashes.size > 0 && hashes.get(formatPositions([position]))?.has(hashOf(value)) === true,
  };
}

function parseObject(value: Buffer | null): Record<string, unknown> | null {
  try {
    const content: unknown = JSON.parse(String(value));
    return typeof content === 'object' ? (content as Record<string, unknown> | null) : null;
  } catch {
    return null;
  }
}

function isWhole(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
