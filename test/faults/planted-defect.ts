// A loss that nothing can mend: the suite must find it, or its table says nothing.
import { createRedisKeys } from '../../contracts/redis-keys.ts';
import { connectRedis } from '../support/system/redis.ts';
import type { Fault } from './fault.ts';

/** Somebody deletes a row of the read model, and takes a unit out of the stock in Redis. */
export function plantedDefect(): Fault {
  return {
    name: 'planted defect: a row and a unit are lost, which must be found',
    part: 'mysql,redis',
    begin: async ({ system, load }) => {
      const { db } = system.database;
      const row = await db('assignments').where('coupon_id', load.couponId).first('id');
      await db('assignments').where('id', row.id).delete();
      await db('coupon_counters').where('coupon_id', load.couponId).decrement('issued', 1);
      const keys = createRedisKeys(system.variables.REDIS_KEY_PREFIX ?? '');
      const redis = await connectRedis(system.variables.REDIS_URL);
      await redis.hincrby(keys.coupon(load.couponId), 'remaining', -1);
      redis.disconnect();
    },
  };
}
