// An event as the log writer sends it.
import type { EventTopic } from '../../contracts/topics.ts';
import type { CouponEvent } from '../../domain/coupon-events.ts';

/** An event with its bytes and its place, ready to be sent any number of times. */
export type PreparedEvent = {
  event: CouponEvent;
  topic: EventTopic;
  partition: number;
  key: string;
  value: Buffer;
  traceparent: string | null;
};
