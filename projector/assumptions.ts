// What the projector looks at while it runs (docs/assumptions.md).
import type { Knex } from 'knex';
import { layoutFaults, physicalLayout } from '../contracts/topic-layout.ts';
import type { Assumption } from '../platform/assumptions.ts';
import { mysqlClockAssumption } from '../platform/clock-assumption.ts';
import type { KafkaClient } from '../platform/kafka/client.ts';
import { topicsAssumption } from '../platform/kafka/topic-assumption.ts';
import { mysqlWritableAssumption } from '../platform/mysql-writable.ts';

type Parts = { kafka: KafkaClient; db: Knex; topicPrefix: string };

/** Broken, it is not ready and says why. */
export function projectorAssumptions({ kafka, db, topicPrefix }: Parts): Assumption[] {
  const layouts = physicalLayout(topicPrefix);
  return [
    topicsAssumption(kafka, layouts, layoutFaults),
    mysqlClockAssumption(db),
    mysqlWritableAssumption(db),
  ];
}
