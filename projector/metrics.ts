// What the projector counts and measures; docs/operations.md says what to make of it.
import { metrics } from '@opentelemetry/api';
import type { Counts } from './projection/store.ts';

export type ProjectorMetrics = {
  /** A partition got on: what became of its records, and how many are still before its end. */
  advanced(lane: string, counts: Counts, lag: number): void;
};

/** The instruments; telemetry must have been started before. */
export function createProjectorMetrics(): ProjectorMetrics {
  const meter = metrics.getMeter('firstcome');
  const records = meter.createCounter('firstcome_projected_records', {
    description: 'Records of the log by what became of them',
  });
  const lag = meter.createGauge('firstcome_projection_lag_records', {
    description: 'Records between the checkpoint of a partition and its end, when it last got on',
  });
  return {
    advanced: (lane, counts, behind) => {
      for (const [fate, count] of Object.entries(counts)) {
        if (count > 0) records.add(count, { partition: lane, fate });
      }
      lag.record(behind, { partition: lane });
    },
  };
}
