// Where a record stands in the log. The `Firstcome-Position` header carries it as `coupon-assign/2/1041`
// (topic, partition, offset), several joined by commas.

/** `topic` is the logical name, here and everywhere. */
export type Position = { topic: string; partition: number; offset: bigint };

/** The name of a partition in log lines, metrics, health answers and findings: `coupon-assign/2`. */
export function topicPartitionOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

const POSITION = /^([a-z][a-z0-9._-]{0,100})\/(\d{1,6})\/(\d{1,18})$/;
const MAX_POSITIONS = 16;

/** The header's text for these positions. */
export function formatPositions(positions: readonly Position[]): string {
  return positions.map((p) => `${p.topic}/${p.partition}/${p.offset}`).join(',');
}

/** The positions in a header's text; null when it is not of that form, or holds more than 16. */
export function parsePositions(text: string): Position[] | null {
  const parts = text.split(',');
  if (parts.length > MAX_POSITIONS) return null;
  const positions: Position[] = [];
  for (const part of parts) {
    const match = POSITION.exec(part.trim());
    if (match === null) return null;
    const [, topic, partition, offset] = match as unknown as [string, string, string, string];
    positions.push({ topic, partition: Number(partition), offset: BigInt(offset) });
  }
  return positions;
}
