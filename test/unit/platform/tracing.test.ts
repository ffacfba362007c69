import { expect } from 'chai';
import { readTraceparent } from '../../../platform/tracing.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN_ID = '00f067aa0ba902b7';

describe('A traceparent', () => {
  for (const [given, read] of [
    [`00-${TRACE_ID}-${SPAN_ID}-01`, `00-${TRACE_ID}-${SPAN_ID}-01`],
    [`00-${TRACE_ID}-${SPAN_ID}-00`, `00-${TRACE_ID}-${SPAN_ID}-00`],
    [`01-${TRACE_ID}-${SPAN_ID}-01`, `00-${TRACE_ID}-${SPAN_ID}-01`],
    [`01-${TRACE_ID}-${SPAN_ID}-02-more`, `00-${TRACE_ID}-${SPAN_ID}-00`],
    [`fe-${TRACE_ID}-${SPAN_ID}-ff-`, `00-${TRACE_ID}-${SPAN_ID}-01`],
  ] as const) {
    it(`${given} is read as ${read}`, () => {
      expect(readTraceparent(given)).to.equal(read);
    });
  }

  for (const given of [
    '',
    TRACE_ID,
    `ff-${TRACE_ID}-${SPAN_ID}-01`,
    `00-${TRACE_ID}-${SPAN_ID}-01-more`,
    `01-${TRACE_ID}-${SPAN_ID}-01more`,
    `01-${TRACE_ID}-${SPAN_ID}`,
    `01-${'0'.repeat(32)}-${SPAN_ID}-01`,
    `01-${TRACE_ID}-${'0'.repeat(16)}-01`,
    `01-${TRACE_ID.toUpperCase()}-${SPAN_ID}-01`,
    `00-${TRACE_ID}-${SPAN_ID}-01, 00-${TRACE_ID}-${SPAN_ID}-01`,
  ]) {
    it(`${JSON.stringify(given)} is none`, () => {
      expect(readTraceparent(given)).to.equal(null);
    });
  }
});
