import { expect } from 'chai';
import { MalformedEvent } from '../../../contracts/event-record.ts';
import { AppError, type ErrorCode } from '../../../platform/errors.ts';
import { codeOf, type Failure, failureOf, reasonOf } from '../../../projector/failures.ts';

const TRANSIENT: Failure = { kind: 'transient' };
const UNKNOWN: Failure = { kind: 'unknown' };
const poison = (tries: number): Failure => ({ kind: 'poison', tries });

describe('failureOf', () => {
  const ours: [ErrorCode, Failure][] = [
    ['REGISTRY_UNAVAILABLE', TRANSIENT],
    ['MYSQL_UNAVAILABLE', TRANSIENT],
    ['KAFKA_UNAVAILABLE', TRANSIENT],
    ['RECORD_UNREADABLE', poison(1)],
    ['RECORD_REJECTED', poison(1)],
    ['SCHEMA_UNKNOWN', poison(5)],
    ['REDIS_UNAVAILABLE', UNKNOWN],
    ['STARTUP_FAILED', UNKNOWN],
  ];
  for (const [code, failure] of ours) {
    it(`takes our ${code} as ${failure.kind}`, () => {
      expect(failureOf(new AppError(code, 'a test'))).to.deep.equal(failure);
    });
  }

  it('takes a record that contradicts its type as poison', () => {
    expect(failureOf(new MalformedEvent('CouponAssigned', 'no id'))).to.deep.equal(poison(1));
  });

  const coded: [string, Failure][] = [
    ['ECONNREFUSED', TRANSIENT],
    ['ECONNRESET', TRANSIENT],
    ['ECONNABORTED', TRANSIENT],
    ['EPIPE', TRANSIENT],
    ['ETIMEDOUT', TRANSIENT],
    ['EHOSTUNREACH', TRANSIENT],
    ['ENETUNREACH', TRANSIENT],
    ['ENOTFOUND', TRANSIENT],
    ['EAI_AGAIN', TRANSIENT],
    ['PROTOCOL_CONNECTION_LOST', TRANSIENT],
    ['PROTOCOL_SEQUENCE_TIMEOUT', TRANSIENT],
    ['ER_SERVER_SHUTDOWN', TRANSIENT],
    ['ER_CLIENT_INTERACTION_TIMEOUT', TRANSIENT],
    ['ER_CONNECTION_KILLED', TRANSIENT],
    ['ER_HOST_IS_BLOCKED', TRANSIENT],
    ['ER_NET_READ_ERROR', TRANSIENT],
    ['ER_NET_READ_INTERRUPTED', TRANSIENT],
    ['ER_NET_ERROR_ON_WRITE', TRANSIENT],
    ['ER_NET_WRITE_INTERRUPTED', TRANSIENT],
    ['ER_QUERY_INTERRUPTED', TRANSIENT],
    ['ER_QUERY_TIMEOUT', TRANSIENT],
    ['ER_STATEMENT_TIMEOUT', TRANSIENT],
    ['ER_CON_COUNT_ERROR', TRANSIENT],
    ['ER_TOO_MANY_USER_CONNECTIONS', TRANSIENT],
    ['ER_USER_LIMIT_REACHED', TRANSIENT],
    ['ER_OUT_OF_RESOURCES', TRANSIENT],
    ['ER_MAX_PREPARED_STMT_COUNT_REACHED', TRANSIENT],
    ['ER_ACCESS_DENIED_ERROR', TRANSIENT],
    ['ER_DBACCESS_DENIED_ERROR', TRANSIENT],
    ['ER_ACCOUNT_HAS_BEEN_LOCKED', TRANSIENT],
    ['ER_DISK_FULL', TRANSIENT],
    ['ER_RECORD_FILE_FULL', TRANSIENT],
    ['ER_OPTION_PREVENTS_STATEMENT', TRANSIENT],
    ['ER_READ_ONLY_MODE', TRANSIENT],
    ['ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION', TRANSIENT],
    ['ER_LOCK_DEADLOCK', TRANSIENT],
    ['ER_LOCK_WAIT_TIMEOUT', TRANSIENT],
    ['ER_DUP_ENTRY', poison(2)],
    ['ER_DATA_TOO_LONG', poison(1)],
    ['ER_WARN_DATA_OUT_OF_RANGE', poison(1)],
    ['ER_DATA_OUT_OF_RANGE', poison(1)],
    ['ER_BAD_NULL_ERROR', poison(1)],
    ['ER_TRUNCATED_WRONG_VALUE', poison(1)],
    ['ER_TRUNCATED_WRONG_VALUE_FOR_FIELD', poison(1)],
    ['ER_NET_PACKET_TOO_LARGE', poison(1)],
    ['ER_NO_SUCH_TABLE', UNKNOWN],
    ['ER_PARSE_ERROR', UNKNOWN],
    ['toString', UNKNOWN],
  ];
  for (const [code, failure] of coded) {
    it(`takes ${code} as ${failure.kind}`, () => {
      expect(failureOf(Object.assign(new Error('a test'), { code }))).to.deep.equal(failure);
    });
  }

  it('takes a pool without a free connection as transient', () => {
    const error = Object.assign(new Error('full'), { name: 'KnexTimeoutError' });
    expect(failureOf(error)).to.deep.equal(TRANSIENT);
  });

  it('takes a query on a connection that is gone as transient', () => {
    const error = Object.assign(new Error("Can't add new command"), { fatal: true });
    expect(failureOf(error)).to.deep.equal(TRANSIENT);
  });

  it("knows MariaDB's own errors by their number, and no other number", () => {
    const numbered = (errno: number) => Object.assign(new Error('a test'), { errno, fatal: true });
    expect(failureOf(numbered(1927))).to.deep.equal(TRANSIENT);
    expect(failureOf(numbered(1969))).to.deep.equal(TRANSIENT);
    expect(failureOf(numbered(4242))).to.deep.equal(UNKNOWN);
  });

  for (const thrown of [
    new TypeError('a bug'),
    new Error('something else'),
    'text',
    null,
    undefined,
    7,
  ]) {
    it(`takes ${String(thrown)} as unknown`, () => {
      expect(failureOf(thrown)).to.deep.equal(UNKNOWN);
    });
  }
});

describe('the code and the reason of a failure', () => {
  it("is the server's own words, not the statement with its rows", () => {
    const error = Object.assign(new Error("insert into t values ('ann') - Duplicate"), {
      code: 'ER_DUP_ENTRY',
      sqlMessage: 'Duplicate',
    });
    expect(reasonOf(error)).to.equal('Duplicate');
    expect(codeOf(error)).to.equal('ER_DUP_ENTRY');
  });

  it('is the message of any other error, and its name where it has no code', () => {
    expect(reasonOf(new TypeError('a bug'))).to.equal('a bug');
    expect(codeOf(new TypeError('a bug'))).to.equal('TypeError');
    expect(codeOf(undefined)).to.equal('unknown');
  });
});
