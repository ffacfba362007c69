// The projector: wires what the loops need, and answers for its health.
import { TOPICS_OF_RECORD } from '../contracts/event-record.ts';
import { deadLetterTopicOf, EVENT_TOPICS } from '../contracts/topics.ts';
import { createApp } from '../http/app.ts';
import { healthRoutes } from '../http/health.ts';
import { listen } from '../http/server.ts';
import { readAvroRecords } from '../platform/avro/avro-schemas.ts';
import { createEventCodec } from '../platform/avro/event-codec.ts';
import { createKafka, METADATA_AGE_MS } from '../platform/kafka/client.ts';
import { createMysql } from '../platform/mysql.ts';
import { runService } from '../platform/service.ts';
import { startConsumer } from './consumer/consume.ts';
import { createProgress } from './consumer/progress.ts';
import { createCondition } from './consumer-health.ts';
import { createRetryDeadLetter } from './dead-letters/retry-dead-letter.ts';
import { createDeadLetterWriter } from './dead-letters/write-dead-letter.ts';
import { createProjectorMetrics } from './metrics.ts';
import { createApplyBatch } from './projection/apply-batch.ts';
import { createProjectBatch } from './projection/project-batch.ts';
import { applyOnce, type MakeChange, readNextOffset } from './projection/store.ts';
import { traceStore } from './projection/trace-store.ts';
import { SESSION_STATEMENTS } from './projection/transaction.ts';
import { checkReadiness } from './readiness.ts';
import { parseSettings } from './settings.ts';

const MAX_BODY_BYTES = 1_024;
/** A batch's statements stay well below every server's max_allowed_packet. */
const MAX_BATCH_BYTES = 1_048_576;
/** Both topics of a small installation at once: a partition that waits holds up no other. */
const PARTITIONS_AT_ONCE = 6;
/** A batch under way may take as long as its transaction. */
const CLOSE_LIMIT_MS = 30_000;

await runService({
  name: 'projector',
  env: process.env,
  parseSettings,
  open: async (settings, { logger, lifecycle, stop }) => {
    const { topicPrefix, consumerGroup } = settings;
    const db = createMysql({ ...settings.mysql, sessionStatements: SESSION_STATEMENTS }, logger);
    lifecycle.opened('mysql', () => db.destroy());

    const codec = await createEventCodec({
      registryUrl: settings.registryUrl,
      topicPrefix,
      schemas: readAvroRecords(new URL('../schemas/', import.meta.url), TOPICS_OF_RECORD),
    });
    const kafka = createKafka(settings.kafka, logger);
    const producer = kafka.producer({
      allowAutoTopicCreation: false,
      metadataMaxAge: METADATA_AGE_MS,
    });
    await producer.connect();
    lifecycle.opened('dead letter producer', () => producer.disconnect());

    const condition = createCondition(['events', 'dead letters'], () => performance.now());
    const progress = createProgress(logger, createProjectorMetrics());
    lifecycle.opened('progress', async () => progress.close());

    const consume = (
      name: string,
      options: { groupId: string; topics: string[]; maxRecords: number; partitionsAtOnce: number },
      makeChange: MakeChange,
    ): Promise<() => Promise<void>> =>
      startConsumer({
        ...options,
        kafka,
        name,
        topicPrefix,
        limits: { maxRecords: options.maxRecords, maxBytes: MAX_BATCH_BYTES },
        applyBatch: createApplyBatch({
          codec,
          store: traceStore((readings) => applyOnce(db, readings, makeChange)),
          condition,
          logger,
        }),
        readNextOffset: (topic, partition) => readNextOffset(db, topic, partition),
        condition,
        progress,
        logger,
        fail: stop,
      });

    const server = await listen(
      createApp([healthRoutes(() => checkReadiness(db, condition), condition.isLive)], {
        logger,
        maxBodyBytes: MAX_BODY_BYTES,
      }),
      settings.http.host,
      settings.http.port,
    );
    lifecycle.opened('http', server.close);

    const closeDeadLetters = await consume(
      'dead letters',
      {
        groupId: `${consumerGroup}-dead-letters`,
        topics: EVENT_TOPICS.map(deadLetterTopicOf),
        maxRecords: 1,
        partitionsAtOnce: 1,
      },
      createRetryDeadLetter(Date.now, logger),
    );
    lifecycle.opened('dead letter consumer', closeDeadLetters, CLOSE_LIMIT_MS);

    const writeDeadLetters = createDeadLetterWriter({
      producer,
      topicPrefix,
      now: Date.now,
      logger,
    });
    const closeEvents = await consume(
      'events',
      {
        groupId: consumerGroup,
        topics: [...EVENT_TOPICS],
        maxRecords: settings.batchSize,
        partitionsAtOnce: PARTITIONS_AT_ONCE,
      },
      createProjectBatch(writeDeadLetters),
    );
    lifecycle.opened('event consumer', closeEvents, CLOSE_LIMIT_MS);
    logger.info({ host: settings.http.host, port: server.port }, 'listening');
  },
});
