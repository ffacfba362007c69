// Latencies: every sample kept, so that the percentiles are exact.

/** Milliseconds, and how many there were. */
export type Latency = {
  count: number;
  mean: number;
  p50: number;
  p95: number;
  p99: number;
  max: number;
};

/** null when there are no samples. */
export function summarize(samples: readonly number[]): Latency | null {
  const sorted = Float64Array.from(samples).sort();
  const max = sorted.at(-1);
  if (max === undefined) return null;
  let sum = 0;
  for (const sample of sorted) sum += sample;
  return {
    count: sorted.length,
    mean: sum / sorted.length,
    p50: percentile(sorted, 50),
    p95: percentile(sorted, 95),
    p99: percentile(sorted, 99),
    max,
  };
}

/** The smallest sample that at least `percent` % of all are not above (nearest rank). */
function percentile(sorted: Float64Array, percent: number): number {
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}
