// Every id that is accepted can be read back: it stands in a path, through any client.
import { expect } from 'chai';
import fc from 'fast-check';
import { isUserId } from '../../../domain/user-id.ts';
import { anyUserId } from '../../support/fixtures/arbitraries.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** Texts out of what has a meaning in addresses. */
const addressLike = fc
  .string({
    unit: fc.constantFrom(
      '.',
      '/',
      '\\',
      '%',
      '2',
      'e',
      'f',
      '?',
      '#',
      '&',
      ';',
      ':',
      '@',
      '+',
      ' ',
      'ㅤ',
      '김',
    ),
    minLength: 1,
    maxLength: 12,
  })
  .filter(isUserId);

describe('An accepted user id', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server.close());

  it('is what the path of a request says, however it looks', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(addressLike, anyUserId), async (id) => {
        const response = await fetch(`${server.url}/named/${encodeURIComponent(id)}`);
        expect(await response.json()).to.deep.equal({ name: id });
      }),
      { examples: [['%2e'], ['%2E%2E'], ['...'], ['.a'], ['a/../b'], ['a\\b'], ['😀'.repeat(64)]] },
    );
  });

  it('is none of those that clients take out of an address', async () => {
    for (const id of ['.', '..']) {
      expect((await fetch(`${server.url}/named/${encodeURIComponent(id)}`)).status).to.equal(404);
      expect(isUserId(id)).to.equal(false);
    }
  });
});
