import { expect } from 'chai';
import { readableHeaders } from '../../../projector/dead-letters/retry-dead-letter.ts';

describe('readableHeaders', () => {
  it('shows text as text, other bytes as base64, and several values as a list', () => {
    const headers = {
      text: Buffer.from('한글'),
      bytes: Buffer.from([255, 0]),
      list: [Buffer.from('a'), 'b', Buffer.from([254])],
      none: undefined,
    };
    expect(readableHeaders(headers)).to.deep.equal({
      text: '한글',
      bytes: { base64: '/wA=' },
      list: ['a', 'b', { base64: '/g==' }],
    });
  });
});
