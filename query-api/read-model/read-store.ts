// The SELECTs. MySQL only, and every one of them ends in bounded time.
import type { Knex } from 'knex';
import { AppError } from '../../platform/errors.ts';
import { MYSQL_AWAY } from '../../platform/mysql-failures.ts';
import type { Page } from '../http/parse-query.ts';
import type { StoredAssignment, StoredCoupon } from '../http/resources.ts';
import {
  ASSIGNMENT_COLUMNS,
  assignmentsOfCoupon,
  assignmentsOfUser,
  COUPON_COLUMNS,
  COUPONS,
} from './lists.ts';
import {
  type SelectedAssignment,
  type SelectedCoupon,
  toAssignment,
  toCoupon,
} from './stored-rows.ts';
import type { ProjectionCheckpoint } from './wait-for-position.ts';
import {
  columnsOf,
  type ReadRows,
  readWalkPage,
  type SequenceKey,
  type TimeKey,
  type WalkedList,
  type WalkedPage,
} from './walk.ts';

/**
 * What can be read. Everything fails with AppError MYSQL_UNAVAILABLE (retriable) when MySQL does not
 * answer in time, is away, or more reads wait than may; a statement that MySQL refuses fails with
 * MySQL's own error.
 */
export type ReadStore = {
  coupon(id: string): Promise<StoredCoupon | undefined>;
  /** Newest first. */
  coupons(page: Page<TimeKey>): Promise<WalkedPage<StoredCoupon, TimeKey>>;
  assignment(id: string): Promise<StoredAssignment | undefined>;
  /** By sequence. */
  assignmentsOfCoupon(
    couponId: string,
    page: Page<SequenceKey>,
  ): Promise<WalkedPage<StoredAssignment, SequenceKey>>;
  /** Newest first. */
  assignmentsOfUser(
    userId: string,
    page: Page<TimeKey>,
  ): Promise<WalkedPage<StoredAssignment, TimeKey>>;
  checkpoints(): Promise<ProjectionCheckpoint[]>;
  /** How many of all these MySQL has answered so far. */
  answered(): number;
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
  const { bounded, answered } = createBoundedRead(limits);
  const readRows: ReadRows = async ({ sql, values }) => {
    const [rows] = await bounded(database.raw(sql, values));
    return rows;
  };
  const walk = async <Row, Key, Stored>(
    list: WalkedList<Row, Key>,
    page: Page<Key>,
    toStored: (row: Row) => Stored,
  ): Promise<WalkedPage<Stored, Key>> => {
    const walked = await readWalkPage(list, page, readRows);
    return walked.kind === 'page' ? { ...walked, rows: walked.rows.map(toStored) } : walked;
  };
  return {
    async coupon(id) {
      const sql = `SELECT ${columnsOf(COUPON_COLUMNS)} FROM coupons WHERE id = ?`;
      const [row] = await readRows<SelectedCoupon>({ sql, values: [id] });
      return row && toCoupon(row);
    },
    coupons: (page) => walk(COUPONS, page, toCoupon),
    async assignment(id) {
      const sql = `SELECT ${columnsOf(ASSIGNMENT_COLUMNS)} FROM assignments WHERE id = ?`;
      const [row] = await readRows<SelectedAssignment>({ sql, values: [id] });
      return row && toAssignment(row);
    },
    assignmentsOfCoupon: (couponId, page) =>
      walk(assignmentsOfCoupon(couponId), page, toAssignment),
    assignmentsOfUser: (userId, page) => walk(assignmentsOfUser(userId), page, toAssignment),
    async checkpoints() {
      const columns = ['topic', 'partition_id', 'next_offset'];
      const query = database('projection_checkpoints').select(columns);
      return ((await bounded(query)) as CheckpointRow[]).map(toCheckpoint);
    },
    answered,
  };
}

type Timed<Result> = { timeout(ms: number): PromiseLike<Result> };
type BoundedRead = <Result>(query: Timed<Result>) => Promise<Result>;

/** Runs queries, each in bounded time and no more than `maxReads` at once. */
function createBoundedRead({ timeoutMs, maxReads }: { timeoutMs: number; maxReads: number }): {
  bounded: BoundedRead;
  answered: () => number;
} {
  let underWay = 0;
  let answered = 0;
  const bounded: BoundedRead = async (query) => {
    if (underWay >= maxReads) throw unavailable(`${maxReads} reads are under way already`);
    underWay += 1;
    try {
      const result = await query.timeout(timeoutMs);
      answered += 1;
      return result;
    } catch (error) {
      throw toThrown(error);
    } finally {
      underWay -= 1;
    }
  };
  return { bounded, answered: () => answered };
}

function toCheckpoint(row: CheckpointRow): ProjectionCheckpoint {
  return {
    topic: row.topic,
    partition: row.partition_id,
    nextOffset: BigInt(row.next_offset),
  };
}

// What MySQL finds wrong with a statement is the only thing that waiting does not mend: errors of class
// 42 (syntax, unknown table or column), as SQLSTATE names them. They stay as they are. Limits of a user
// and rights that are missing are in that class, too, and say nothing of the statement.
function toThrown(error: unknown): unknown {
  const { sqlState, code } = (error ?? {}) as { sqlState?: unknown; code?: unknown };
  const isStatementAtFault =
    typeof sqlState === 'string' && sqlState.startsWith('42') && !MYSQL_AWAY.has(String(code));
  return isStatementAtFault ? error : unavailable('MySQL did not answer', error);
}

function unavailable(message: string, cause?: unknown): AppError {
  return new AppError('MYSQL_UNAVAILABLE', message, { cause, retriable: true });
}
