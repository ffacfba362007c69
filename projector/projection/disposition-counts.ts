// What became of consumed records, counted.

/** How many consumed records had each disposition; each record has exactly one. */
export type DispositionCounts = {
  applied: number;
  repeated: number;
  fenced: number;
  markers: number;
  deadLettered: number;
};

/** The counts of no records. */
export const ZERO_COUNTS: DispositionCounts = {
  applied: 0,
  repeated: 0,
  fenced: 0,
  markers: 0,
  deadLettered: 0,
};

/** The sum of two counts. */
export function addCounts(a: DispositionCounts, b: DispositionCounts): DispositionCounts {
  return {
    applied: a.applied + b.applied,
    repeated: a.repeated + b.repeated,
    fenced: a.fenced + b.fenced,
    markers: a.markers + b.markers,
    deadLettered: a.deadLettered + b.deadLettered,
  };
}
