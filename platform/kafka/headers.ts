// The headers of a record, as pairs in its bytes and as names with values in memory.
import type { RecordHeaders } from './record.ts';

/** One header as it stands in a record; null: it has a name and no value. */
export type HeaderPair = { key: string; value: Buffer | string | null };

/** Names to values; several values under one name are a list, in their order. */
export function headersOf(pairs: readonly { key: string | null; value: Buffer | null }[]) {
  const values = new Map<string, Buffer | null | (Buffer | null)[]>();
  for (const { key, value } of pairs) {
    const name = key ?? '';
    const before = values.get(name);
    if (before === undefined) values.set(name, value);
    else if (Array.isArray(before)) before.push(value);
    else values.set(name, [before, value]);
  }
  // Own properties, also under names that every object has.
  return Object.fromEntries(values);
}

/** The pairs of these headers, name by name. */
export function pairsOf(headers: RecordHeaders): HeaderPair[] {
  const pairs: HeaderPair[] = [];
  for (const [key, values] of Object.entries(headers)) {
    if (values === undefined) continue;
    for (const value of Array.isArray(values) ? values : [values]) pairs.push({ key, value });
  }
  return pairs;
}
