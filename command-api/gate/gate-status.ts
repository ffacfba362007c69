// What the gate of this process says at the moment, and what it was last open for.
import type { Logger } from '../../platform/logger.ts';
import type { GateComparison, OpenEpoch } from './compare-gate.ts';

export type GateState = ({ kind: 'open' } & OpenEpoch) | { kind: 'closed'; reason: string };

/** The state of a gate, closed at first; it logs when it opens and closes. */
export function createGateStatus(logger: Logger) {
  let state: GateState = { kind: 'closed', reason: 'not compared yet' };
  let lastOpen: OpenEpoch | null = null;

  const shut = (reason: string): void => {
    if (state.kind === 'open') logger.warn({ reason }, 'gate closed');
    state = { kind: 'closed', reason };
  };

  return {
    state: (): GateState => state,
    /** Also while it is closed; null before it was open. */
    lastOpen: (): OpenEpoch | null => lastOpen,
    shut,
    /** Takes over what a comparison found. */
    show: (found: GateComparison): void => {
      if (found.kind === 'open') {
        const { kind: _kind, ...open } = found;
        const { epoch, partitions } = open;
        if (state.kind === 'closed') logger.info({ epoch, partitions }, 'gate open');
        state = found;
        lastOpen = open;
        return;
      }
      // What could not be compared contradicts nothing: an open gate stays open, the claim check holds.
      if (found.kind === 'unreachable' && state.kind === 'open') return;
      if (state.kind === 'closed' && state.reason !== found.reason) {
        logger.warn({ reason: found.reason }, 'gate stays closed');
      }
      shut(found.reason);
    },
  };
}
