import { expect } from 'chai';
import fc from 'fast-check';
import { toUuid } from '../../../domain/ids.ts';

describe('A UUID', () => {
  it('is taken in any case and comes out in lower case', () => {
    fc.assert(
      fc.property(fc.uuid(), (uuid) => {
        expect(toUuid(uuid)).to.equal(uuid);
        expect(toUuid(uuid.toUpperCase())).to.equal(uuid);
      }),
    );
  });

  it('is not found in any other text', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.string({ unit: 'binary', minLength: 1 }), (uuid, text) => {
        expect(toUuid(uuid + text)).to.equal(null);
        expect(toUuid(text + uuid)).to.equal(null);
        expect(toUuid(uuid.slice(0, -1))).to.equal(null);
      }),
    );
  });
});
