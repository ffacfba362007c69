// The read tables by name: the live ones, and those that a rebuild makes beside them.

/** One set of read tables: the rows, and how far they are. A set is consistent in itself. */
export type ReadTables = {
  coupons: string;
  counters: string;
  assignments: string;
  checkpoints: string;
};

/** The tables that everybody reads. */
export const LIVE_TABLES: ReadTables = {
  coupons: 'coupons',
  counters: 'coupon_counters',
  assignments: 'assignments',
  checkpoints: 'projection_checkpoints',
};
