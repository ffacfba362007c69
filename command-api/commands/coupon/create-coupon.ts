// `POST /coupons`: puts a coupon up.
import { LIFECYCLE_TOPIC } from '../../../contracts/topics.ts';
import { type CreateCoupon, keyFieldsOf } from '../../../domain/commands.ts';
import type { CouponCreated } from '../../../domain/coupon-events.ts';
import {
  parseWaitingEvent,
  type ScriptReply,
  unknownReply,
} from '../../write-model/script-reply.ts';
import type { CommandDefinition, ScriptOutcome } from '../command-definition.ts';

export type Created = { kind: 'created'; createdAt: number };
export type CreateRefusal = { kind: 'key-reused' } | { kind: 'end-date-passed' };
export type CreateOutcome = ScriptOutcome<Created, CreateRefusal>;

export const createCoupon: CommandDefinition<CreateCoupon, Created, CreateRefusal> = {
  name: 'create',
  topic: LIFECYCLE_TOPIC,
  script: new URL('./create-coupon.lua', import.meta.url),
  prepare: ({ key, ...coupon }, { epoch, keys }) => {
    const { couponId, title, quantity, startDate, endDate, perUserLimit } = coupon;
    const event: Omit<CouponCreated, 'occurredAt'> = {
      ...{ type: 'CouponCreated', eventId: couponId, epoch },
      ...keyFieldsOf(key),
      ...coupon,
    };
    return {
      keys: [keys.coupons],
      args: [
        ...[JSON.stringify(event), couponId, title, quantity, startDate, endDate, perUserLimit],
        key.requestHash,
      ],
      readReply: (reply) => readReply(reply, event),
    };
  },
};

function readReply(
  { kind, values: [at, waiting] }: ScriptReply,
  undecided: Omit<CouponCreated, 'occurredAt'>,
): CreateOutcome {
  const success: Created = { kind: 'created', createdAt: Number(at) };
  switch (kind) {
    case 'accepted':
      return { kind, event: { ...undecided, occurredAt: Number(at) }, success };
    case 'repeat':
      return { kind, eventId: undecided.eventId, waiting: parseWaitingEvent(waiting), success };
    case 'key-reused':
    case 'end-date-passed':
      return { kind: 'refused', refusal: { kind }, waiting: [] };
    default:
      throw unknownReply(kind);
  }
}
