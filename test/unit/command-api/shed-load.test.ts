import { expect } from 'chai';
import { createShedLoad } from '../../../command-api/http/shed-load.ts';

type Asked = Parameters<ReturnType<typeof createShedLoad>>[0];

/** What a shed request is counted as, or null when it is not shed. */
function countedAs(method: string, url: string, waiting = 3): string | null {
  const counted: string[] = [];
  const shedLoad = createShedLoad(
    {
      publisher: { waiting: () => waiting, publish: () => Promise.reject(new Error('none')) },
      load: { max: 3, current: 0 },
      metrics: { answered: (command) => counted.push(command) },
    },
    [
      { name: 'create', path: '/coupons' },
      { name: 'assign', path: '/coupons/:couponId/assign' },
    ],
  );
  const problem = shedLoad({ method, url } as Asked);
  expect(counted).to.have.length(problem === null ? 0 : 1);
  return counted[0] ?? null;
}

describe('Load shedding', () => {
  for (const [url, command] of [
    ['/coupons', 'create'],
    ['/coupons/', 'create'],
    ['/coupons?a=/assign', 'create'],
    ['/coupons/1/assign', 'assign'],
    ['/Coupons/1/Assign/?a=1', 'assign'],
    ['/coupons/1/2/assign', 'unknown'],
    ['/assign', 'unknown'],
    ['/', 'unknown'],
  ] as const) {
    it(`counts POST ${url} as ${command}`, () => {
      expect(countedAs('POST', url)).to.equal(command);
    });
  }

  it('sheds nothing below capacity, and no read at all', () => {
    expect(countedAs('POST', '/coupons', 2)).to.equal(null);
    expect(countedAs('GET', '/health/live')).to.equal(null);
  });
});
