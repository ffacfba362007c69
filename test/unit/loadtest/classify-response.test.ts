import { expect } from 'chai';
import { classifyResponse } from '../../../loadtest/client/classify-response.ts';
import type { Exchange } from '../../../loadtest/client/connection.ts';

describe('the verdict on an exchange', () => {
  const assignment = {
    assignmentId: 'a',
    couponId: 'c',
    userId: 'u',
    sequence: 3,
    assignedAt: '2026-11-22T10:00:00.123Z',
  };

  it('of a 201 is accepted, with what was told', () => {
    expect(classifyResponse(answered(201, assignment), 0)).to.deep.equal({
      kind: 'accepted',
      assignment: {
        assignmentId: 'a',
        userId: 'u',
        sequence: 3,
        assignedAt: Date.UTC(2026, 10, 22, 10, 0, 0, 123),
      },
      replayed: false,
    });
  });

  it('tells a replayed 201', () => {
    const verdict = classifyResponse(answered(201, assignment, 'idempotency-replayed: true'), 0);
    expect(verdict).to.include({ kind: 'accepted', replayed: true });
  });

  it('of a 201 without an assignment is failed: nobody knows what was told', () => {
    for (const body of [
      '',
      '[]',
      'null',
      '{"assignmentId":"a"}',
      { ...assignment, assignedAt: 'x' },
    ]) {
      expect(classifyResponse(answered(201, body), 0)).to.deep.equal({
        kind: 'failed',
        reason: '201 without an assignment',
      });
    }
  });

  it('of a problem is refused, by code and title', () => {
    const problem = { code: 'Coupon-0006', title: 'Sold out' };
    expect(classifyResponse(answered(409, problem), 0)).to.deep.equal({
      kind: 'refused',
      refusal: 'sold-out',
      named: [],
      reason: 'Coupon-0006 Sold out',
    });
    expect(classifyResponse(answered(404, '<html>'), 0)).to.deep.equal({
      kind: 'refused',
      refusal: 'other',
      named: [],
      reason: 'status 404',
    });
  });

  it('of a problem says which assignments it names', () => {
    const problem = { code: 'Coupon-0007', title: 'Limit', assignments: [assignment, null] };
    expect(classifyResponse(answered(409, problem), 0)).to.deep.include({
      refusal: 'limit-reached',
      named: ['a', 'undefined'],
    });
  });

  it('of a 500 is failed: asking again mends nothing', () => {
    expect(classifyResponse(answered(500, {}), 0)).to.deep.equal({
      kind: 'failed',
      reason: 'status 500',
    });
  });

  it('of a 503 is again, when the problem says so to the millisecond', () => {
    const problem = { code: 'Coupon-0012', title: 'Outcome unknown', retryAfterMs: 250 };
    expect(classifyResponse(answered(503, problem, 'retry-after: 1'), 0)).to.deep.equal({
      kind: 'again',
      afterMs: 250,
      reason: 'Coupon-0012 Outcome unknown',
    });
  });

  it('of a 429 or 502 from something in between is again, by the header or our own patience', () => {
    expect(classifyResponse(answered(429, '', 'retry-after: 2'), 0)).to.include({ afterMs: 2_000 });
    expect(classifyResponse(answered(502, ''), 0)).to.include({ kind: 'again', afterMs: 20 });
    expect(classifyResponse(answered(502, ''), 3)).to.include({ kind: 'again', afterMs: 160 });
  });

  it('waits half a minute at most, whatever it is told', () => {
    const patience = classifyResponse(answered(503, '', 'retry-after: 86400'), 0);
    expect(patience).to.include({ afterMs: 30_000 });
    expect(classifyResponse(answered(503, '', 'retry-after: soon'), 0)).to.include({ afterMs: 20 });
    expect(classifyResponse(answered(503, { retryAfterMs: -1 }), 0)).to.include({ afterMs: 20 });
  });

  it('of a lost connection is again, later each time, a second at most', () => {
    const lost: Exchange = { kind: 'failed', reason: 'connection lost' };
    expect(classifyResponse(lost, 0)).to.deep.equal({
      kind: 'again',
      afterMs: 20,
      reason: 'connection lost',
    });
    expect(classifyResponse(lost, 2)).to.include({ afterMs: 80 });
    expect(classifyResponse(lost, 50)).to.include({ afterMs: 1_000 });
  });
});

function answered(status: number, body: object | string, header = 'x: y'): Exchange {
  return {
    kind: 'answered',
    answer: {
      status,
      head: `http/1.1 ${status} any\r\n${header}`,
      body: typeof body === 'string' ? body : JSON.stringify(body),
      closes: false,
    },
  };
}
