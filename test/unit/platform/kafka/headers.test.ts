import { expect } from 'chai';
import { headersOf, pairsOf } from '../../../../platform/kafka/headers.ts';

describe('the headers of a record', () => {
  it('are names with values, several under one name a list, whatever the name is', () => {
    const value = Buffer.from('x');
    const pairs = ['a', '__proto__', 'constructor', 'a', 'a'].map((key) => ({ key, value }));
    const headers = headersOf([...pairs, { key: 'none', value: null }, { key: null, value }]);
    expect(Object.entries(headers)).to.deep.equal([
      ['a', [value, value, value]],
      ['__proto__', value],
      ['constructor', value],
      ['none', null],
      ['', value],
    ]);
    expect(headersOf(pairsOf(headers) as never)).to.deep.equal(headers);
  });
});
