// `POST /coupons`: the request as a command, and its answer as HTTP.
import type { FieldFault, Problem } from '../../../contracts/problems.ts';
import { type CreateCoupon, LIMITS } from '../../../domain/commands.ts';
import { couponIdFor } from '../../commands/coupon/coupon-id.ts';
import type { Created, CreateRefusal } from '../../commands/coupon/create-coupon.ts';
import type { CommandHandler } from '../../commands/handle-command.ts';
import { toIso } from '../answers.ts';
import type { CommandRoute } from '../command-route.ts';
import {
  type Parsed,
  readDate,
  readFields,
  readInteger,
  readRequiredKey,
  readTitle,
  toRequestKey,
} from '../request-fields.ts';

/** The body and the Idempotency-Key header, which has to be there, as a command without its coupon's id. Pure. */
export function parseCreate(
  body: unknown,
  keyHeader: string | undefined,
): Parsed<Omit<CreateCoupon, 'couponId'>> {
  const faults: FieldFault[] = [];
  const known = ['title', 'quantity', 'startDate', 'endDate', 'perUserLimit'];
  const fields = readFields(body, known, faults);
  const title = readTitle(fields.title, faults);
  const quantity = readInteger(
    'quantity',
    fields.quantity,
    { min: 0, max: LIMITS.quantity, problem: 'invalidQuantity' },
    faults,
  );
  const startDate = readDate('startDate', fields.startDate, faults);
  const endDate = readDate('endDate', fields.endDate, faults);
  if (startDate !== null && endDate !== null && endDate <= startDate) {
    faults.push({ field: 'endDate', problem: 'invalidDates', reason: 'must be after startDate' });
  }
  const perUserLimit = readInteger(
    'perUserLimit',
    fields.perUserLimit === undefined ? 1 : fields.perUserLimit,
    { min: 1, max: LIMITS.perUserLimit, problem: 'invalidField' },
    faults,
  );
  const idempotencyKey = readRequiredKey(keyHeader, faults);
  if (title === null || quantity === null || startDate === null || endDate === null) {
    return { kind: 'refused', faults };
  }
  if (perUserLimit === null || idempotencyKey === null || faults.length > 0) {
    return { kind: 'refused', faults };
  }
  const meaning = ['create', title, quantity, startDate, endDate, perUserLimit];
  const key = toRequestKey(idempotencyKey, meaning);
  const request = { title, quantity, startDate, endDate, perUserLimit, key };
  return { kind: 'parsed', request };
}

/** The route of coupons that `handle` creates. */
export function createRoute(
  handle: CommandHandler<CreateCoupon, Created, CreateRefusal>,
): CommandRoute<Omit<CreateCoupon, 'couponId'>, CreateCoupon, Created, CreateRefusal> {
  return {
    name: 'create',
    path: '/coupons',
    parse: ({ body, idempotencyKey }) => parseCreate(body, idempotencyKey),
    toCommand: (request) => ({
      couponId: couponIdFor(request.key.idempotencyKey),
      ...request,
    }),
    handle,
    toResource: (command, { createdAt }) => {
      const { couponId, title, quantity, startDate, endDate, perUserLimit } = command;
      return {
        path: `/coupons/${couponId}`,
        body: {
          id: couponId,
          title,
          quantity,
          startDate: toIso(startDate),
          endDate: toIso(endDate),
          perUserLimit,
          createdAt: toIso(createdAt),
        },
      };
    },
    toProblem,
  };
}

function toProblem(_command: CreateCoupon, refusal: CreateRefusal): Problem {
  switch (refusal.kind) {
    case 'key-reused':
      return { name: 'keyReused' };
    case 'end-date-passed':
      return { name: 'invalidDates', detail: 'endDate must be in the future' };
  }
}
