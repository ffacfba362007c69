/** Seconds since a reading of `performance.now()`, with one decimal. */
export function secondsSinceMs(startedMs: number): string {
  return ((performance.now() - startedMs) / 1_000).toFixed(1);
}
