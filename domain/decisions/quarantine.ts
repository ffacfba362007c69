// Executable specification of command-api/outbox/quarantine.lua.
import type { WriteModelState } from './write-model-state.ts';

/**
 * Quarantines an event that the log refuses, in place: what it took stays taken, and a repeat still
 * finds it pending. An event that is not in the outbox changes nothing.
 */
export function quarantine(state: WriteModelState, eventId: string): void {
  if (state.outbox.has(eventId)) state.quarantined.add(eventId);
}
