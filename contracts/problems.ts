// Every answer that is not a success: RFC 9457 problem details with a stable code. This is the one
// list; docs/errors.md shows it, and a test compares the two.
import { cutText } from '../domain/text.ts';

type ProblemKind = { code: string; status: number; title: string };

export const PROBLEMS = {
  couponNotFound: { code: 'Coupon-0001', status: 404, title: 'No such coupon' },
  invalidQuantity: { code: 'Coupon-0002', status: 400, title: 'Quantity out of bounds' },
  invalidDates: { code: 'Coupon-0003', status: 400, title: 'Start or end date not acceptable' },
  titleTooLong: { code: 'Coupon-0004', status: 400, title: 'Title too long' },
  titleEmpty: { code: 'Coupon-0005', status: 400, title: 'Title empty' },
  soldOut: { code: 'Coupon-0006', status: 409, title: 'Sold out' },
  limitReached: { code: 'Coupon-0007', status: 409, title: 'Limit per user reached' },
  notStarted: { code: 'Coupon-0008', status: 409, title: 'Not started yet' },
  ended: { code: 'Coupon-0009', status: 409, title: 'Ended' },
  invalidField: { code: 'Coupon-0010', status: 400, title: 'A field is missing, wrong or unknown' },
  keyReused: {
    code: 'Coupon-0011',
    status: 422,
    title: 'Idempotency key used for another request',
  },
  outcomeUnknown: { code: 'Coupon-0012', status: 503, title: 'Outcome unknown, ask again' },
  overloaded: { code: 'Coupon-0013', status: 503, title: 'Overloaded, nothing was reserved' },
  closed: { code: 'Coupon-0014', status: 503, title: 'Not deciding at the moment' },
  assignmentNotFound: { code: 'Coupon-0015', status: 404, title: 'No such assignment' },
  notYetProjected: {
    code: 'Coupon-0016',
    status: 503,
    title: 'The read model is not that far yet',
  },
  invalidCursor: { code: 'Coupon-0017', status: 400, title: 'Cursor not valid' },
  invalidJson: { code: 'Coupon-0018', status: 400, title: 'Body is not valid JSON' },
  bodyTooLarge: { code: 'Coupon-0019', status: 413, title: 'Body too large' },
  unsupportedMediaType: {
    code: 'Coupon-0020',
    status: 415,
    title: 'Body must be application/json',
  },
  routeNotFound: { code: 'Coupon-0021', status: 404, title: 'No such address' },
  methodNotAllowed: { code: 'Coupon-0022', status: 405, title: 'Method not allowed here' },
  storeUnavailable: { code: 'Coupon-0023', status: 503, title: 'A store did not answer' },
  internal: { code: 'Coupon-0024', status: 500, title: 'Internal error' },
  unreadableRequest: { code: 'Coupon-0025', status: 400, title: 'Request not readable' },
  headersTooLarge: { code: 'Coupon-0026', status: 431, title: 'Address or headers too large' },
  requestTimeout: { code: 'Coupon-0027', status: 408, title: 'Request not sent in time' },
  refusedByLog: { code: 'Coupon-0028', status: 500, title: 'The log refuses this event' },
  keyMissing: { code: 'Coupon-0029', status: 400, title: 'Idempotency key missing' },
  expectationFailed: { code: 'Coupon-0030', status: 417, title: 'Expectation not known' },
  notImplemented: { code: 'Coupon-0031', status: 501, title: 'Method or coding not known' },
  versionNotSupported: { code: 'Coupon-0032', status: 505, title: 'HTTP version not known' },
} as const satisfies Record<string, ProblemKind>;
export type ProblemName = keyof typeof PROBLEMS;

/** A field that was not acceptable, and why. `field` is a path as in the request, e.g. `endDate`. */
export type FieldFault = { field: string; problem: ProblemName; reason: string };

/** A refusal on its way to the caller: which problem, in what words, with what members beside. */
export type Problem = {
  name: ProblemName;
  detail?: string;
  /** Further members of the answer, camelCase. */
  members?: Record<string, unknown>;
  /** For a 503: when to ask again, in milliseconds. */
  retryAfterMs?: number;
};

/** No answer is much longer than its question: so many faults are listed, */
const MAX_FAULTS = 10;
/** and so many characters of a field's name are repeated. */
const MAX_FIELD_CHARACTERS = 40;

/**
 * The answer to a request with these faults (at least one): the problem of the first, and in `faults` the
 * first ten, each with its code; `furtherFaults` says how many there are beside them. A long name of a field is cut.
 */
export function problemOfFaults(all: readonly FieldFault[]): Problem {
  const faults = all
    .slice(0, MAX_FAULTS)
    .map((fault) => ({ ...fault, field: cutText(fault.field, MAX_FIELD_CHARACTERS) }));
  const [first] = faults;
  return {
    name: first?.problem ?? 'invalidField',
    ...(first === undefined ? {} : { detail: `${first.field || 'The request'}: ${first.reason}` }),
    members: {
      faults: faults.map(({ field, problem, reason }) => ({
        field,
        code: PROBLEMS[problem].code,
        reason,
      })),
      ...(all.length > MAX_FAULTS ? { furtherFaults: all.length - MAX_FAULTS } : {}),
    },
  };
}

/** A problem as the body of an answer (RFC 9457), as text. */
export function problemBody(problem: Problem, traceId: string): string {
  const { code, status, title } = PROBLEMS[problem.name];
  return JSON.stringify({
    type: `urn:firstcome:problem:${code}`,
    title,
    status,
    code,
    ...(problem.detail === undefined ? {} : { detail: problem.detail }),
    ...(problem.retryAfterMs === undefined ? {} : { retryAfterMs: problem.retryAfterMs }),
    ...problem.members,
    traceId,
  });
}
