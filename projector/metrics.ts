// What the projector counts and measures; docs/operations.md says what each metric means.
import { metrics } from '@opentelemetry/api';
import type { DispositionCounts } from './projection/disposition-counts.ts';

export type ProjectorMetrics = {
  /** A partition advanced: the dispositions of its records, and how many are still before its end. */
  advanced(topicPartition: string, counts: DispositionCounts, lag: number): void;
};

/** The instruments; telemetry must have been started before. */
export function createProjectorMetrics(): ProjectorMetrics {
  const meter = metrics.getMeter('firstcome');
  const records = meter.createCounter('firstcome_projected_records', {
    description: 'Consumed records of the log by their disposition',
  });
  const lagRecords = meter.createGauge('firstcome_projection_lag_records', {
    description: 'Records between the checkpoint of a partition and its end, when it last advanced',
  });
  return {
    advanced: (topicPartition, counts, lag) => {
      for (const [disposition, count] of Object.entries(counts)) {
        if (count > 0) records.add(count, { partition: topicPartition, disposition });
      }
      lagRecords.record(lag, { partition: topicPartition });
    },
  };
}
