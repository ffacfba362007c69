// What this process counts and measures; docs/operations.md says what to make of it.
import { metrics } from '@opentelemetry/api';

/** What is read at each collection of the metrics. */
type Observed = {
  mayDecide(): boolean;
  /** Events of this process on their way to the log. */
  waitingEvents(): number;
};

export type CommandMetrics = {
  /** A command was answered; how long that took is measured with every request (http/app.ts). */
  answered(command: string, outcome: string): void;
  /** A batch of events was acknowledged by the log, `seconds` after it was sent first. */
  acknowledged(events: number, seconds: number): void;
  relayed(events: number): void;
  /** An event that the log can never accept became a dead letter. */
  refused(): void;
  /** Shows what is observed of gate and publisher from now on. */
  watch(observed: Observed): void;
};

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const EVENTS = [1, 2, 5, 10, 25, 50, 100, 200, 500, 1_000];

/** The instruments; telemetry must have been started before. */
export function createCommandMetrics(): CommandMetrics {
  const meter = metrics.getMeter('firstcome');
  const commands = meter.createCounter('firstcome_commands', {
    description: 'Commands answered, by outcome',
  });
  const batchEvents = meter.createHistogram('firstcome_batch_events', {
    description: 'Events in one send',
    advice: { explicitBucketBoundaries: EVENTS },
  });
  const batchSeconds = meter.createHistogram('firstcome_batch_ack_seconds', {
    description: 'From the first send of a batch to its acknowledgement by all in-sync replicas',
    advice: { explicitBucketBoundaries: SECONDS },
  });
  const relayed = meter.createCounter('firstcome_relayed_events', {
    description: 'Events that had stayed in an outbox and were emitted again',
  });
  const refused = meter.createCounter('firstcome_refused_events', {
    description: 'Events that the log can never accept: dead letters, each with its unit',
  });
  return {
    answered: (command, outcome) => commands.add(1, { command, outcome }),
    acknowledged: (events, seconds) => {
      batchEvents.record(events);
      batchSeconds.record(seconds);
    },
    relayed: (events) => relayed.add(events),
    refused: () => refused.add(1),
    watch: ({ mayDecide, waitingEvents }) => {
      meter
        .createObservableGauge('firstcome_waiting_events', {
          description: 'Events of this process on their way to the log',
        })
        .addCallback((result) => result.observe(waitingEvents()));
      meter
        .createObservableGauge('firstcome_gate_open', {
          description: '1 when this process may decide',
        })
        .addCallback((result) => result.observe(mayDecide() ? 1 : 0));
    },
  };
}
