import { expect } from 'chai';
import { etagOf, isKnown } from '../../../query-api/http/etag.ts';

describe('An ETag', () => {
  const etag = etagOf('{"a":1}');

  it('is the same for the same body, and another for another', () => {
    expect(etagOf('{"a":1}')).to.equal(etag);
    expect(etagOf('{"a":2}')).not.to.equal(etag);
    expect(etag).to.match(/^W\/"[A-Za-z0-9_-]+"$/);
  });

  it('is known to a caller who names it, alone or among others, weak or strong, or names all', () => {
    for (const header of [etag, etag.slice(2), `"x", ${etag}`, `${etag},"x"`, '*']) {
      expect(isKnown(header, etag), header).to.equal(true);
    }
  });

  it('is not known to a caller who names none, or others', () => {
    for (const header of [undefined, '', '"x"', 'W/"x"', etag.slice(3, -1), `x${etag}`, '"*"']) {
      expect(isKnown(header, etag), header).to.equal(false);
    }
  });
});
