import { expect } from 'chai';
import { couponIdFor } from '../../../command-api/commands/coupon/coupon-id.ts';
import { parseAssign } from '../../../command-api/http/assignment/assign-route.ts';
import { parseCreate } from '../../../command-api/http/coupon/create-route.ts';
import type { ProblemName } from '../../../contracts/problems.ts';
import type { CreateCoupon } from '../../../domain/commands.ts';
import { BLANK_TEXTS } from '../../support/fixtures/blank-texts.ts';
import { COUPON_ID } from '../../support/fixtures/sample-events.ts';

const BODY = {
  title: '커피',
  quantity: 10,
  startDate: '2026-06-01T00:00:00Z',
  endDate: '2026-06-02T00:00:00Z',
};

/** JSON as it comes over the link: what `text` says, not what a JavaScript literal would. */
const link = (text: string): unknown => JSON.parse(text);

function created(fields: Record<string, unknown>): Omit<CreateCoupon, 'couponId'> {
  const parsed = parseCreate({ ...BODY, ...fields }, 'k1');
  if (parsed.kind === 'refused') throw new Error(JSON.stringify(parsed.faults));
  return parsed.request;
}

/** Field and problem of every fault; nothing when it was parsed. */
function faultsOf(parsed: ReturnType<typeof parseCreate> | ReturnType<typeof parseAssign>) {
  return parsed.kind === 'parsed'
    ? []
    : parsed.faults.map(({ field, problem }) => [field, problem] as const);
}

function refuses(what: string, fields: Record<string, unknown>, fault: [string, ProblemName]) {
  it(`refuses ${what}`, () => {
    expect(faultsOf(parseCreate({ ...BODY, ...fields }, 'k1'))).to.deep.equal([fault]);
  });
}

describe('Reading a request for a new coupon', () => {
  it('gives what is asked for, with times in milliseconds and a limit of one when none is said', () => {
    const { key, ...asked } = created({});
    expect(key.idempotencyKey).to.equal('k1');
    expect(asked).to.deep.equal({
      title: '커피',
      quantity: 10,
      startDate: Date.UTC(2026, 5, 1),
      endDate: Date.UTC(2026, 5, 2),
      perUserLimit: 1,
    });
  });

  it('tells all faults at once, each with its field', () => {
    const parsed = parseCreate(
      { title: ' ', quantity: -1, startDate: 'soon', perUserLimit: 0, price: 1 },
      'two words',
    );
    expect(faultsOf(parsed)).to.deep.equal([
      ['price', 'invalidField'],
      ['title', 'titleEmpty'],
      ['quantity', 'invalidQuantity'],
      ['startDate', 'invalidDates'],
      ['endDate', 'invalidDates'],
      ['perUserLimit', 'invalidField'],
      ['Idempotency-Key', 'invalidField'],
    ]);
  });

  for (const [what, body] of [
    ['null', null],
    ['nothing', undefined],
    ['a text', '{}'],
    ['a number', 5],
    ['true', true],
    ['a list', []],
    ['a list of one good body', [BODY]],
  ] as const) {
    it(`refuses ${what} as a body`, () => {
      expect(faultsOf(parseCreate(body, 'k1'))[0]).to.deep.equal(['', 'invalidField']);
      expect(faultsOf(parseAssign(COUPON_ID, body, undefined))[0]).to.deep.equal([
        '',
        'invalidField',
      ]);
    });
  }

  describe('with fields that nobody knows', () => {
    for (const field of ['id', 'Title', 'couponId', '', 'title ', 'constructor', 'toString']) {
      refuses(`the field ${JSON.stringify(field)}`, { [field]: 1 }, [field, 'invalidField']);
    }

    it('refuses __proto__, and takes nothing from it', () => {
      const body = link(
        `{"__proto__":${JSON.stringify({ ...BODY, perUserLimit: 99 })},"title":"t"}`,
      );
      const faults = faultsOf(parseCreate(body, 'k1'));
      expect(faults[0]).to.deep.equal(['__proto__', 'invalidField']);
      expect(faults.map(([field]) => field)).to.include('quantity');
    });
  });

  describe('the title', () => {
    const family = '👨‍👩‍👧';
    for (const [what, title, kept] of [
      ['a hundred letters', 'x'.repeat(100), 'x'.repeat(100)],
      ['a hundred emoji', '😀'.repeat(100), '😀'.repeat(100)],
      ['a hundred Korean syllables', '쿠'.repeat(100), '쿠'.repeat(100)],
      ['an emoji made of several', `${family} 쿠폰`, `${family} 쿠폰`],
      ['combining marks, as they are', 'e\u0301', 'e\u0301'],
      ['a stack of combining marks', `a${'\u0301'.repeat(99)}`, `a${'\u0301'.repeat(99)}`],
      ['right-to-left text', 'קופון', 'קופון'],
      ['Persian with a zero-width non-joiner', 'می\u200cخواهم', 'می\u200cخواهم'],
      ['old Korean with a filler in it', '\u115f\u1161 쿠폰', '\u115f\u1161 쿠폰'],
      ['a flag made of tags', '🏴\u{e0067}\u{e0062}\u{e007f}', '🏴\u{e0067}\u{e0062}\u{e007f}'],
      ['one emoji with its variation selector', '❤\ufe0f', '❤\ufe0f'],
      ['punctuation alone', '!?', '!?'],
      ['spaces around it, which go', ' \t\u00a0\u3000커피 쿠폰\n\ufeff', '커피 쿠폰'],
      ['markup, as text', '<b>"&\'</b>', '<b>"&\'</b>'],
      ['a hundred letters and spaces around them', ` ${'x'.repeat(100)} `, 'x'.repeat(100)],
    ] as const) {
      it(`may be ${what}`, () => {
        expect(created({ title }).title).to.equal(kept);
      });
    }

    refuses('101 letters', { title: 'x'.repeat(101) }, ['title', 'titleTooLong']);
    refuses('101 emoji', { title: '😀'.repeat(101) }, ['title', 'titleTooLong']);
    refuses('one with 100 marks over a letter', { title: `a${'\u0301'.repeat(100)}` }, [
      'title',
      'titleTooLong',
    ]);
    refuses('no title', { title: undefined }, ['title', 'titleEmpty']);
    refuses('an empty title', { title: '' }, ['title', 'titleEmpty']);
    refuses('only white space', { title: ' \t\n\u00a0\u3000\u2028' }, ['title', 'titleEmpty']);
    for (const [what, title] of BLANK_TEXTS) {
      refuses(`a title of ${what}`, { title }, ['title', 'titleEmpty']);
    }
    for (const title of [null, 5, true, ['커피'], { text: '커피' }]) {
      refuses(`${JSON.stringify(title)} as a title`, { title }, ['title', 'invalidField']);
    }
    for (const [what, text] of [
      ['NUL', 'a\u0000b'],
      ['a line break inside', 'a\nb'],
      ['a tab inside', 'a\tb'],
      ['DEL', 'a\u007fb'],
      ['a C1 control', 'a\u0085b'],
      ['an escape sequence', 'a\u001b[31mb'],
      ['half an emoji, the first', 'a\ud83d'],
      ['half an emoji, the second', '\ude00a'],
      ['an emoji the wrong way round', 'a\ude00\ud83db'],
    ] as const) {
      refuses(`a title with ${what}`, { title: text }, ['title', 'invalidField']);
    }
  });

  describe('the quantity', () => {
    for (const quantity of [0, 1, 1_000_000]) {
      it(`may be ${quantity}`, () => {
        expect(created({ quantity }).quantity).to.equal(quantity);
      });
    }

    it('takes -0, 1e1 and 10.0 for the whole numbers that they are', () => {
      const quantityIn = (json: string) => created(link(json) as Record<string, unknown>).quantity;
      expect(Object.is(quantityIn('{"quantity":-0}'), 0)).to.equal(true);
      expect(quantityIn('{"quantity":1e1}')).to.equal(10);
      expect(quantityIn('{"quantity":10.0}')).to.equal(10);
    });

    for (const json of [
      '-1',
      '0.5',
      '1000000.5',
      '1000001',
      '9007199254740993',
      '1e21',
      '1e400',
      '-1e400',
      '"5"',
      '""',
      'null',
      'true',
      '[5]',
      '{"valueOf":5}',
    ]) {
      refuses(`${json}`, link(`{"quantity":${json}}`) as Record<string, unknown>, [
        'quantity',
        'invalidQuantity',
      ]);
    }
    refuses('no quantity', { quantity: undefined }, ['quantity', 'invalidQuantity']);
  });

  describe('the limit for each user', () => {
    for (const perUserLimit of [1, 100]) {
      it(`may be ${perUserLimit}`, () => {
        expect(created({ perUserLimit }).perUserLimit).to.equal(perUserLimit);
      });
    }
    for (const json of ['0', '-0', '101', '1.5', '1e400', '"1"', 'null', '[]']) {
      refuses(`${json}`, link(`{"perUserLimit":${json}}`) as Record<string, unknown>, [
        'perUserLimit',
        'invalidField',
      ]);
    }
  });

  describe('the dates', () => {
    for (const [text, iso] of [
      ['2026-06-01T10:00:00Z', '2026-06-01T10:00:00.000Z'],
      ['2026-06-01T10:00Z', '2026-06-01T10:00:00.000Z'],
      ['2026-06-01T10:00:00+09:00', '2026-06-01T01:00:00.000Z'],
      ['2026-06-01T10:00:00-03:30', '2026-06-01T13:30:00.000Z'],
      ['2026-06-01T10:00:00-00:00', '2026-06-01T10:00:00.000Z'],
      ['2026-06-01T10:00:00+14:00', '2026-05-31T20:00:00.000Z'],
      ['2026-06-01T10:00:00.5Z', '2026-06-01T10:00:00.500Z'],
      ['2026-06-01T10:00:00.123456789Z', '2026-06-01T10:00:00.123Z'],
      ['2028-02-29T00:00:00Z', '2028-02-29T00:00:00.000Z'],
      ['2000-01-01T00:00:00Z', '2000-01-01T00:00:00.000Z'],
      ['1999-12-31T23:00:00-01:00', '2000-01-01T00:00:00.000Z'],
    ] as const) {
      it(`read ${text} as ${iso}`, () => {
        const { startDate } = created({ startDate: text, endDate: '9999-12-31T23:59:59.999Z' });
        expect(new Date(startDate).toISOString()).to.equal(iso);
      });
    }

    it('end with the year 9999', () => {
      expect(created({ endDate: '9999-12-31T23:59:59.999Z' }).endDate).to.equal(
        Date.UTC(9999, 11, 31, 23, 59, 59, 999),
      );
    });

    for (const [what, text] of [
      ['a time without a zone', '2026-06-01T10:00:00'],
      ['a day alone', '2026-06-01'],
      ['a year alone', '2026'],
      ['a week date', '2026-W23-1T00:00:00Z'],
      ['the words of a browser', 'Mon Jun 01 2026 10:00:00 GMT+0900'],
      ['a number in a text', '1780272000000'],
      ['30 February', '2026-02-30T00:00:00Z'],
      ['29 February of a year without one', '2026-02-29T00:00:00Z'],
      ['29 February of 2100', '2100-02-29T00:00:00Z'],
      ['31 April', '2026-04-31T00:00:00Z'],
      ['day 0', '2026-06-00T00:00:00Z'],
      ['month 0', '2026-00-01T00:00:00Z'],
      ['month 13', '2026-13-01T00:00:00Z'],
      ['hour 24', '2026-06-01T24:00:00Z'],
      ['minute 60', '2026-06-01T10:60:00Z'],
      ['a leap second', '2016-12-31T23:59:60Z'],
      ['a leap second in another zone', '2017-01-01T08:59:60+09:00'],
      ['the year 10000', '10000-01-01T00:00:00Z'],
      ['the year +010000', '+010000-01-01T00:00:00Z'],
      ['a year before our time', '-000001-01-01T00:00:00Z'],
      ['1999', '1999-12-31T23:59:59Z'],
      ['1999 by its zone', '2000-01-01T00:00:00+00:01'],
      ['the year 10000 by its zone', '9999-12-31T23:59:59-00:01'],
      ['the year 99', '0099-06-01T00:00:00Z'],
      ['the last hour of the year 99 by a zone', '0099-12-31T23:30:00-01:00'],
      ['the year 0', '0000-06-01T00:00:00Z'],
      ['the year 50', '0050-06-01T00:00:00Z'],
      ['the offset +18:01', '2026-06-01T10:00:00+18:01'],
      ['the offset +15:00', '2026-06-01T10:00:00+15:00'],
      ['the offset -14:01', '2026-06-01T10:00:00-14:01'],
      ['the offset +14:59', '2026-06-01T10:00:00+14:59'],
      ['the offset +09:60', '2026-06-01T10:00:00+09:60'],
      ['the offset +0900', '2026-06-01T10:00:00+0900'],
      ['the offset +09', '2026-06-01T10:00:00+09'],
      ['small letters', '2026-06-01t10:00:00z'],
      ['a space for the T', '2026-06-01 10:00:00Z'],
      ['a space before it', ' 2026-06-01T10:00:00Z'],
      ['a line break after it', '2026-06-01T10:00:00Z\n'],
      ['a fraction of no digits', '2026-06-01T10:00:00.Z'],
      ['ten digits of a fraction', '2026-06-01T10:00:00.1234567890Z'],
      ['Arabic digits', '٢٠٢٦-06-01T10:00:00Z'],
      ['an empty text', ''],
      ['a text of 10,000 digits', '2'.repeat(10_000)],
      ['a number', 1_780_272_000_000],
      ['null', null],
      ['nothing', undefined],
      ['a list', ['2026-06-01T10:00:00Z']],
    ] as const) {
      refuses(what, { startDate: text, endDate: '9999-12-31T23:59:59Z' }, [
        'startDate',
        'invalidDates',
      ]);
    }

    refuses('an end before the start', { endDate: '2026-05-31T23:59:59Z' }, [
      'endDate',
      'invalidDates',
    ]);
    refuses('an end at the start', { endDate: '2026-06-01T09:00:00+09:00' }, [
      'endDate',
      'invalidDates',
    ]);

    it('may be a millisecond apart', () => {
      expect(created({ endDate: '2026-06-01T00:00:00.001Z' }).endDate).to.equal(
        Date.UTC(2026, 5, 1) + 1,
      );
    });
  });
});

describe('Reading a request for a unit', () => {
  it('gives what is asked for', () => {
    expect(parseAssign(COUPON_ID, { userId: '김민수' }, undefined)).to.deep.equal({
      kind: 'parsed',
      request: { couponId: COUPON_ID, userId: '김민수', key: null },
    });
  });

  it('reads the coupon id in either case', () => {
    const parsed = parseAssign(COUPON_ID.toUpperCase(), { userId: 'ann' }, undefined);
    expect(parsed).to.have.nested.property('request.couponId', COUPON_ID);
  });

  for (const id of ['', 'x', '1', `${COUPON_ID} `, '../../etc/passwd', 'null', '{}', '\u0000']) {
    it(`refuses ${JSON.stringify(id)} as a coupon id`, () => {
      expect(faultsOf(parseAssign(id, { userId: 'ann' }, undefined))).to.deep.equal([
        ['couponId', 'invalidField'],
      ]);
    });
  }

  // What a user id may be is told in test/unit/domain/user-id.test.ts.
  for (const userId of [undefined, null, 5, '', ' ', 'ann ', 'a\u0000', 'x'.repeat(65), ['ann']]) {
    it(`refuses ${JSON.stringify(userId)?.slice(0, 20)} as a user id`, () => {
      expect(faultsOf(parseAssign(COUPON_ID, { userId }, undefined))).to.deep.equal([
        ['userId', 'invalidField'],
      ]);
    });
  }

  it('refuses fields beside the user id', () => {
    const body = link('{"userId":"ann","__proto__":{"admin":true},"sequence":1}');
    expect(faultsOf(parseAssign(COUPON_ID, body, undefined))).to.deep.equal([
      ['__proto__', 'invalidField'],
      ['sequence', 'invalidField'],
    ]);
  });
});

describe('Reading an Idempotency-Key', () => {
  const keyOf = (header: string | undefined) => {
    const parsed = parseAssign(COUPON_ID, { userId: 'ann' }, header);
    return parsed.kind === 'parsed' ? (parsed.request.key?.idempotencyKey ?? null) : 'refused';
  };

  for (const key of ['k', '"quoted"', 'a/b|c,d{e}', '!~', 'k'.repeat(128)]) {
    it(`takes ${JSON.stringify(key.slice(0, 20))} as it is`, () => {
      expect(keyOf(key)).to.equal(key);
    });
  }

  it('is not needed for a unit: the user is the identity', () => {
    expect(keyOf(undefined)).to.equal(null);
  });

  it('is needed for a coupon', () => {
    expect(faultsOf(parseCreate(BODY, undefined))).to.deep.equal([
      ['Idempotency-Key', 'keyMissing'],
    ]);
  });

  for (const key of [
    '',
    ' ',
    'two words',
    'a, b',
    'k\n',
    'k\u0000',
    'ключ',
    'é',
    'k'.repeat(129),
  ]) {
    it(`refuses ${JSON.stringify(key.slice(0, 20))}`, () => {
      expect(keyOf(key)).to.equal('refused');
    });
  }
});

describe('The id of a new coupon', () => {
  it('is the same for the same Idempotency-Key, and another for another', () => {
    const first = couponIdFor('k1');
    expect(couponIdFor('k1')).to.equal(first);
    expect(couponIdFor('k2')).to.not.equal(first);
    expect(first).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
