import { expect } from 'chai';
import fc from 'fast-check';
import { parseCreate } from '../../../command-api/http/coupon/create-route.ts';
import { problemBody, problemOfFaults } from '../../../contracts/problems.ts';
import { parseCouponsPage } from '../../../query-api/http/parse-query.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const MAX_BYTES = 4_096;

/** The answer to these fields of a body, or of a query. */
function answersTo(fields: Record<string, unknown>): string[] {
  const body = parseCreate(fields, 'k1');
  const query = parseCouponsPage(fields);
  return [body, query].flatMap((parsed) =>
    parsed.kind === 'refused' ? [problemBody(problemOfFaults(parsed.faults), TRACE_ID)] : [],
  );
}

describe('The answer to a request with faults', () => {
  it('names the first ten, and says how many more there are', () => {
    const unknown = Object.fromEntries(Array.from({ length: 3_000 }, (_, n) => [`f${n}`, 1]));
    const [ofBody = '', ofQuery = ''] = answersTo(unknown);
    for (const [answer, furtherFaults] of [
      [ofBody, 2_994],
      [ofQuery, 2_990],
    ] as const) {
      expect(Buffer.byteLength(answer)).to.be.below(MAX_BYTES);
      expect(JSON.parse(answer)).to.have.property('furtherFaults', furtherFaults);
      expect(JSON.parse(answer).faults).to.have.lengthOf(10);
    }
  });

  it('says nothing of further ones where there are none', () => {
    const [answer = ''] = answersTo({ colour: 'red' });
    expect(JSON.parse(answer)).not.to.have.property('furtherFaults');
  });

  it('repeats only the beginning of a long name, and no half of a character', () => {
    for (const name of [
      `${'x'.repeat(39)}👨‍👩‍👧`,
      `${'x'.repeat(39)}😀😀`,
      `${'x'.repeat(39)}\ud83d`,
    ]) {
      for (const answer of answersTo({ [name]: 1 })) {
        expect(JSON.parse(answer).faults[0].field).to.match(/^x{39}[^\ud800-\udfff]?/u);
        expect(answer.isWellFormed()).to.equal(true);
        expect(answer).not.to.match(/\\ud[89a-f]/i);
      }
    }
  });

  it('is short and well-formed, whatever was asked', () => {
    const name = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.constantFrom('\u0000'.repeat(300), '\ud800'.repeat(300), '😀'.repeat(300)),
    );
    const fields = fc.dictionary(name, fc.constant(1), { maxKeys: 40 });
    fc.assert(
      fc.property(fields, (given) => {
        for (const answer of answersTo(given)) {
          expect(Buffer.byteLength(answer)).to.be.below(MAX_BYTES);
          expect(JSON.stringify(JSON.parse(answer)).isWellFormed()).to.equal(true);
          expect(answer).not.to.match(/\\ud[89a-f]/i);
        }
      }),
    );
  });
});
