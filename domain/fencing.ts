// The fencing rule: the one function that decides whether a record of the log counts.

/**
 * May a reader apply an event of `eventEpoch`, when the highest `EpochStarted` it has met before it
 * in the same partition was `highestMarker` (null: none yet)? Used by projector, rebuild and
 * verifier alike. A partition without a marker is fenced as a whole (docs/guarantees.md P19).
 */
export function isFenced(eventEpoch: number, highestMarker: number | null): boolean {
  return highestMarker === null || eventEpoch < highestMarker;
}

/** The highest marker once a marker of `epoch` was met: late markers of older epochs change nothing. */
export function higherMarker(highestMarker: number | null, epoch: number): number {
  return highestMarker === null ? epoch : Math.max(highestMarker, epoch);
}
