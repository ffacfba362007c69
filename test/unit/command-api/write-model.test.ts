import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { createRedisKeys } from '../../../contracts/redis-keys.ts';
import { errorOf } from '../../support/error-of.ts';
import { createWriteModel } from '../../support/system/write-model.ts';

describe('The write model', () => {
  for (const reply of [['unheard-of'], 'no list']) {
    it(`does not guess what a reply means that it does not know: ${reply}`, async () => {
      const redis = { evalsha: async () => reply } as unknown as Redis;
      const model = createWriteModel({
        ...{ redis, keys: createRedisKeys('') },
        ...{ maxOutboxAgeMs: 1, idempotencyTtlMs: 1 },
      });
      const command = { couponId: 'c', assignmentId: 'a', userId: 'ann', key: null };
      const error = await errorOf(model.assign(command, 0));
      expect(error).to.include({ code: 'REPLY_UNKNOWN', retriable: undefined });
    });
  }
});
