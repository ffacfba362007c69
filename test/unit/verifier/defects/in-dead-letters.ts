// Defects of the dead letters.

import { topicPartitionOf } from '../../../../contracts/position.ts';
import { ASSIGN_TOPIC } from '../../../../contracts/topics.ts';
import { positionOf } from '../../../../verifier/facts.ts';
import { checkpointOf, findRecord, partitionOf } from '../fixture-system.ts';
import { addIssued, type Defect, first } from './defect.ts';

export const IN_DEAD_LETTERS: readonly Defect[] = [
  {
    name: 'a record that can not be read, and no dead letter',
    breaks: [8],
    plant: ({ facts, assigned }) => {
      const { partition } = findRecord(facts, first(assigned).eventId);
      const checkpoint = checkpointOf(facts, partition);
      partition.records = partition.records.filter(({ offset }) => offset < checkpoint.nextOffset);
      partition.records.push({ offset: checkpoint.nextOffset, event: null });
      checkpoint.nextOffset += 1;
      checkpoint.applied += 1;
      partition.endOffset = checkpoint.nextOffset;
    },
  },
  {
    name: 'a marker in the dead letters',
    breaks: [8],
    plant: ({ facts }) =>
      void facts.deadLetters.add(positionOf(topicPartitionOf(ASSIGN_TOPIC, 0), 0)),
  },
  {
    name: 'an applied record that waits for an operator',
    breaks: [8],
    plant: ({ facts, assigned }) => {
      const { partition, offset } = findRecord(facts, first(assigned).eventId);
      facts.tables.parked.add(
        positionOf(topicPartitionOf(partition.topic, partition.partition), offset),
      );
    },
  },
  {
    name: 'a dead letter that was counted and is not there',
    breaks: [8],
    plant: ({ facts }) => {
      const partition = partitionOf(facts, 'coupon-lifecycle', 1);
      const checkpoint = checkpointOf(facts, partition);
      checkpoint.deadLettered += 1;
      checkpoint.applied -= 1;
    },
  },
  {
    name: 'an event that waits for an operator, without a row,',
    breaks: [],
    plant: ({ facts, plain, assigned }) => {
      const { eventId } = first(assigned);
      const { partition, offset } = findRecord(facts, eventId);
      const position = positionOf(topicPartitionOf(partition.topic, partition.partition), offset);
      facts.deadLetters.add(position);
      facts.tables.parked.add(position);
      facts.tables.assignments.delete(eventId);
      addIssued({ facts, plain }, -1);
    },
  },
];
