// A made system (test/unit/verifier/fixture-system.ts) written to real servers, under names of its own.
import { Redis } from 'ioredis';
import type { Knex } from 'knex';
import { recordNameOf } from '../../../contracts/event-record.ts';
import { createRedisKeys, type RedisKeys } from '../../../contracts/redis-keys.ts';
import { deadLetterTopicOf, EPOCHS_TOPIC } from '../../../contracts/topics.ts';
import type { EpochClaimed, LogEvent } from '../../../domain/coupon-events.ts';
import type { EventCodec } from '../../../platform/avro/event-codec.ts';
import type { PartitionFacts, RedisCoupon, SystemFacts } from '../../../verifier/facts.ts';
import type { VerifySettings } from '../../../verifier/settings.ts';
import { randomName } from '../../support/random-name.ts';
import { addressOf } from '../../support/system/addresses.ts';
import { createTestDatabase } from '../../support/system/database.ts';
import { appendRecords, type TestRecord } from '../../support/system/records.ts';
import { createEventSystem } from '../../support/system/topics.ts';

export type VerifiedSystem = {
  settings: VerifySettings;
  redis: Redis;
  keys: RedisKeys;
  db: Knex;
  /** Appends a record; null: bytes that are no event. @returns its offset */
  append(topic: string, partition: number, event: LogEvent | null): Promise<number>;
  /** Puts the record at this place into its dead letter topic. */
  deadLetter(topic: string, partition: number, offset: number): Promise<void>;
  drop(): Promise<void>;
};

/** Writes the facts of a system without traffic. */
export async function createVerifiedSystem(
  facts: SystemFacts,
  server: 'MYSQL_URL' | 'MARIADB_URL' = 'MYSQL_URL',
): Promise<VerifiedSystem> {
  const database = await createTestDatabase(server);
  const events = await createEventSystem('verify-');
  const redisKeyPrefix = `${randomName('verify')}:`;
  const keys = createRedisKeys(redisKeyPrefix);
  const redis = new Redis(addressOf('REDIS_URL'));
  const { topicPrefix, codec } = events;

  const send: Send = async (topic, partition, messages) => {
    const [offset] = await appendRecords(
      events.kafka,
      messages.map((message) => ({
        key: 'key',
        ...message,
        ...{ topic: topicPrefix + topic, partition },
      })),
    );
    return Number(offset);
  };
  const deadLetter = async (topic: string, partition: number, offset: number): Promise<void> => {
    const headers = {
      'firstcome-dlt-topic': topic,
      'firstcome-dlt-partition': String(partition),
      'firstcome-dlt-offset': String(offset),
    };
    await send(deadLetterTopicOf(topic), partition, [{ value: NOT_AN_EVENT, headers }]);
  };
  await writeClaims(facts, codec, send);
  for (const partition of facts.log) await writePartition(partition, codec, send);
  for (const position of facts.deadLetters) await deadLetter(...partsOf(position));
  await writeTables(database.db, facts);
  await writeRedis(redis, keys, facts);

  return {
    settings: {
      kafka: { brokers: addressOf('KAFKA_BROKERS').split(',') },
      registry: { url: events.registryUrl },
      redis: { url: addressOf('REDIS_URL') },
      mysql: { url: database.url },
      topicPrefix,
      redisKeyPrefix,
    },
    redis,
    keys,
    db: database.db,
    append: (topic, partition, event) => send(topic, partition, [messageOf(topic, event, codec)]),
    deadLetter,
    drop: async () => {
      await events.cleanup();
      await database.drop();
      const own = await redis.keys(`${redisKeyPrefix}*`);
      if (own.length > 0) await redis.del(...own);
      await redis.quit();
    },
  };
}

type Message = Pick<TestRecord, 'value' | 'headers'>;
type Send = (topic: string, partition: number, messages: Message[]) => Promise<number>;

const NOT_AN_EVENT = Buffer.from('not an event');

function messageOf(topic: string, event: LogEvent | null, codec: EventCodec): Message {
  return {
    value: event === null ? NOT_AN_EVENT : codec.encode(topic, recordNameOf(event), event),
  };
}

async function writePartition(
  { topic, partition, records }: PartitionFacts,
  codec: EventCodec,
  send: Send,
): Promise<void> {
  await send(
    topic,
    partition,
    records.map(({ event }) => messageOf(topic, event, codec)),
  );
}

/** As many as it takes for the newest to be that of the facts. */
async function writeClaims(
  { newestClaim }: SystemFacts,
  codec: EventCodec,
  send: Send,
): Promise<void> {
  const claim: EpochClaimed = {
    type: 'EpochClaimed',
    claimedBy: 'a test',
    claimedAt: 0,
    partitions: '',
  };
  const value = codec.encode(EPOCHS_TOPIC, recordNameOf(claim), claim);
  const messages = Array.from({ length: (newestClaim ?? -1) + 1 }, () => ({ value }));
  if (messages.length > 0) await send(EPOCHS_TOPIC, 0, messages);
}

function partsOf(position: string): [string, number, number] {
  const [topic = '', partition, offset] = position.split('/');
  return [topic, Number(partition), Number(offset)];
}

async function writeTables(db: Knex, { tables }: SystemFacts): Promise<void> {
  const at = (ms: number): Date => new Date(ms);
  await db('coupons').insert(
    [...tables.coupons].map(([id, row]) => ({
      id,
      title: row.title,
      quantity: row.quantity,
      per_user_limit: row.perUserLimit,
      start_date: at(row.startDate),
      end_date: at(row.endDate),
      created_at: at(row.createdAt),
      epoch: row.epoch,
    })),
  );
  await db('coupon_counters').insert(
    [...tables.issued].map(([coupon_id, issued]) => ({ coupon_id, issued })),
  );
  await db('assignments').insert(
    [...tables.assignments].map(([id, row]) => ({
      id,
      coupon_id: row.couponId,
      user_id: row.userId,
      nth_of_user: row.nthOfUser,
      sequence: row.sequence,
      assigned_at: at(row.assignedAt),
      epoch: row.epoch,
    })),
  );
  await db('projection_checkpoints').insert(
    tables.checkpoints.map((checkpoint) => ({
      topic: checkpoint.topic,
      partition_id: checkpoint.partition,
      next_offset: checkpoint.nextOffset,
      highest_marker: checkpoint.highestMarker,
      applied: checkpoint.applied,
      repeated: checkpoint.repeated,
      fenced: checkpoint.fenced,
      markers: checkpoint.markers,
      dead_lettered: checkpoint.deadLettered,
      updated_at: new Date(),
    })),
  );
  const parked = [...tables.parked].map(partsOf).map(([topic, partition, offset]) => ({
    topic,
    partition_id: partition,
    record_offset: offset,
    headers: '{}',
    reason_code: 'RECORD_UNREADABLE',
    reason: 'not an event',
    attempts: 1,
    failed_at: new Date(),
  }));
  if (parked.length > 0) await db('dead_letters').insert(parked);
}

async function writeRedis(redis: Redis, keys: RedisKeys, facts: SystemFacts): Promise<void> {
  await redis.hset(keys.gate, { epoch: String(facts.redis.gateEpoch), replicationId: 'any' });
  for (const [couponId, coupon] of facts.redis.coupons) {
    await redis.sadd(keys.coupons, couponId);
    await writeCoupon(redis, keys, couponId, coupon);
  }
}

async function writeCoupon(
  redis: Redis,
  keys: RedisKeys,
  couponId: string,
  { state, holders }: RedisCoupon,
): Promise<void> {
  if (state === null) return;
  const { pendingCreation: _, ...fields } = state;
  await redis.hset(keys.coupon(couponId), { ...fields, requestHash: '' });
  for (const [userId, held] of holders) {
    const packed = held.map((a) =>
      [a.assignmentId, a.sequence, a.assignedAt, a.nthOfUser].join('/'),
    );
    await redis.hset(keys.holders(couponId), userId, packed.join(','));
  }
}
