// The SELECTs. MySQL only, and every one of them ends in bounded time.
import type { Knex } from 'knex';
import { AppError } from '../../platform/errors.ts';
import type { SequencePlace, TimePlace } from '../http/cursor.ts';
import type { Page } from '../http/parse-query.ts';
import type { StoredAssignment, StoredCoupon } from '../http/resources.ts';
import type { ProjectionCheckpoint } from './wait-for-position.ts';

/**
 * What can be read. Lists give one row more than the page's limit when they go on. Everything fails
 * with AppError MYSQL_UNAVAILABLE (retriable) when MySQL does not answer in time, is away, or more
 * reads wait than may; a statement that MySQL refuses fails with MySQL's own error.
 */
export type ReadStore = {
  coupon(id: string): Promise<StoredCoupon | undefined>;
  /** Newest first. */
  coupons(page: Page<TimePlace>): Promise<StoredCoupon[]>;
  assignment(id: string): Promise<StoredAssignment | undefined>;
  /** By sequence. */
  assignmentsOfCoupon(couponId: string, page: Page<SequencePlace>): Promise<StoredAssignment[]>;
  /** Newest first. */
  assignmentsOfUser(userId: string, page: Page<TimePlace>): Promise<StoredAssignment[]>;
  checkpoints(): Promise<ProjectionCheckpoint[]>;
  /** How many of all these MySQL has answered so far. */
  answered(): number;
};

type CouponRow = {
  id: string;
  title: string;
  quantity: number;
  per_user_limit: number;
  start_date: Date;
  end_date: Date;
  created_at: Date;
  /** Text or number: the driver keeps big numbers exact. */
  issued: number | string;
};

type AssignmentRow = {
  id: string;
  coupon_id: string;
  user_id: string;
  sequence: number | string;
  assigned_at: Date;
};

type CheckpointRow = { topic: string; partition_id: number; next_offset: number | string };

/**
 * The read side of these tables. `timeoutMs`: the time a statement may take once it has a
 * connection (the wait for that one is the pool's); `maxReads`: how many may be under way or wait.
 */
export function createReadStore(
  database: Knex,
  limits: { timeoutMs: number; maxReads: number },
): ReadStore {
  const { rowsOf, answered } = createBoundedRead(limits);
  return {
    async coupon(id) {
      const [row] = await rowsOf<CouponRow>(selectCoupons(database).where({ id }));
      return row && toCoupon(row);
    },
    async coupons({ limit, after }) {
      const query = selectCoupons(database).modify(newestFirst, 'created_at', 'id', after);
      return (await rowsOf<CouponRow>(query.limit(limit + 1))).map(toCoupon);
    },
    async assignment(id) {
      const [row] = await rowsOf<AssignmentRow>(selectAssignments(database).where({ id }));
      return row && toAssignment(row);
    },
    async assignmentsOfCoupon(couponId, { limit, after }) {
      const query = selectAssignments(database).where('coupon_id', couponId).orderBy('sequence');
      if (after !== null) query.where('sequence', '>', after.sequence);
      return (await rowsOf<AssignmentRow>(query.limit(limit + 1))).map(toAssignment);
    },
    async assignmentsOfUser(userId, { limit, after }) {
      const query = selectAssignments(database)
        .where('user_id', userId)
        .modify(newestFirst, 'assigned_at', 'id', after);
      return (await rowsOf<AssignmentRow>(query.limit(limit + 1))).map(toAssignment);
    },
    async checkpoints() {
      const columns = ['topic', 'partition_id', 'next_offset'];
      const rows = await rowsOf<CheckpointRow>(database('projection_checkpoints').select(columns));
      return rows.map(toCheckpoint);
    },
    answered,
  };
}

type BoundedRead = <Row>(query: Knex.QueryBuilder) => Promise<Row[]>;

/** Runs queries, each in bounded time and no more than `maxReads` at once. */
function createBoundedRead({ timeoutMs, maxReads }: { timeoutMs: number; maxReads: number }): {
  rowsOf: BoundedRead;
  answered: () => number;
} {
  let underWay = 0;
  let answered = 0;
  const rowsOf: BoundedRead = async (query) => {
    if (underWay >= maxReads) throw unavailable(`${maxReads} reads are under way already`);
    underWay += 1;
    try {
      const rows = await query.timeout(timeoutMs);
      answered += 1;
      return rows;
    } catch (error) {
      throw toThrown(error);
    } finally {
      underWay -= 1;
    }
  };
  return { rowsOf, answered: () => answered };
}

// A subquery, not a join: a join may be planned from the counters' side, and then sorted.
function selectCoupons(database: Knex): Knex.QueryBuilder {
  return database('coupons')
    .select('id', 'title', 'quantity', 'per_user_limit', 'start_date', 'end_date', 'created_at')
    .select(
      database.raw(
        'COALESCE((SELECT issued FROM coupon_counters WHERE coupon_id = coupons.id), 0) AS issued',
      ),
    );
}

function selectAssignments(database: Knex): Knex.QueryBuilder {
  return database('assignments').select('id', 'coupon_id', 'user_id', 'sequence', 'assigned_at');
}

// `time <= ?` gives the index range; a comparison of pairs alone gives none, and one with OR may be
// read through two indexes and sorted.
function newestFirst(
  query: Knex.QueryBuilder,
  time: string,
  id: string,
  after: TimePlace | null,
): void {
  query.orderBy(time, 'desc').orderBy(id, 'desc');
  if (after === null) return;
  const at = new Date(after.atMs);
  query.where(time, '<=', at).whereRaw('(??, ??) < (?, ?)', [time, id, at, after.id]);
}

function toCoupon(row: CouponRow): StoredCoupon {
  return {
    id: row.id,
    title: row.title,
    quantity: row.quantity,
    perUserLimit: row.per_user_limit,
    startDate: row.start_date.getTime(),
    endDate: row.end_date.getTime(),
    createdAt: row.created_at.getTime(),
    issued: Number(row.issued),
  };
}

function toAssignment(row: AssignmentRow): StoredAssignment {
  return {
    id: row.id,
    couponId: row.coupon_id,
    userId: row.user_id,
    sequence: Number(row.sequence),
    assignedAt: row.assigned_at.getTime(),
  };
}

function toCheckpoint(row: CheckpointRow): ProjectionCheckpoint {
  return {
    topic: row.topic,
    partition: row.partition_id,
    nextOffset: BigInt(row.next_offset),
  };
}

// What MySQL finds wrong with a statement is the only thing that waiting does not mend: errors of
// class 42 (syntax, unknown table or column, access), as SQLSTATE names them. They stay as they are.
function toThrown(error: unknown): unknown {
  const { sqlState } = (error ?? {}) as { sqlState?: unknown };
  const isStatementAtFault = typeof sqlState === 'string' && sqlState.startsWith('42');
  return isStatementAtFault ? error : unavailable('MySQL did not answer', error);
}

function unavailable(message: string, cause?: unknown): AppError {
  return new AppError('MYSQL_UNAVAILABLE', message, { cause, retriable: true });
}
