// Defects of the read model.
import { ASSIGN_TOPIC } from '../../../../contracts/topics.ts';
import { checkpointOf, findRecord, partitionOf, strangeId } from '../fixture-system.ts';
import { addIssued, addRow, type Defect, first, rowOf } from './defect.ts';

export const IN_THE_TABLES: readonly Defect[] = [
  {
    name: 'a row that is missing',
    breaks: [5, 7, 8],
    plant: ({ facts, plain, assigned }) => {
      const { eventId } = first(assigned);
      facts.tables.assignments.delete(eventId);
      addIssued({ facts, plain }, -1);
    },
  },
  {
    name: 'a coupon that is missing',
    breaks: [5, 7, 8],
    plant: ({ facts, plain }) => void facts.tables.coupons.delete(plain.couponId),
  },
  {
    name: 'a row that follows from nothing',
    breaks: [5],
    plant: (system) => addRow(system, strangeId(), {}),
  },
  {
    name: 'rows beyond the quantity',
    breaks: [1, 5],
    plant: (system) => {
      for (let i = 0; i < system.plain.quantity; i += 1) {
        addRow(system, `${strangeId()}${i}`, { userId: `nobody ${i}`, sequence: 5_000 + i });
      }
    },
  },
  {
    name: 'rows beyond the limit of a user',
    breaks: [2, 5],
    plant: (system) => {
      const { userId } = first(system.assigned);
      for (const n of [50, 51, 52]) {
        addRow(system, `${strangeId()}${n}`, { userId, nthOfUser: n, sequence: 5_000 + n });
      }
    },
  },
  {
    name: 'a row that says another epoch',
    breaks: [5],
    plant: (system) => {
      rowOf(system).epoch += 1;
    },
  },
  {
    name: 'a row of another time',
    breaks: [5],
    plant: (system) => {
      rowOf(system).assignedAt += 1;
    },
  },
  {
    name: 'a counter that is one too high',
    breaks: [5],
    plant: (system) => addIssued(system, 1),
  },
  {
    name: 'a checkpoint past the end of its partition',
    breaks: [7, 8],
    plant: ({ facts }) => {
      const partition = partitionOf(facts, 'coupon-lifecycle', 0);
      checkpointOf(facts, partition).nextOffset = partition.endOffset + 1;
    },
  },
  {
    name: 'a projection that stays behind',
    breaks: [5],
    plant: ({ facts }) => {
      const partition = partitionOf(facts, ASSIGN_TOPIC, 1);
      const place = `${partition.topic}/${partition.partition}`;
      facts.projectionTarget.set(place, (facts.projectionTarget.get(place) ?? 0) + 1);
    },
  },
  {
    name: 'a row that was applied ahead of the checkpoint',
    breaks: [5],
    plant: (system) => {
      const { facts, assigned } = system;
      const { partition } = findRecord(facts, first(assigned).eventId);
      const event = {
        ...first(assigned),
        eventId: strangeId(),
        assignmentId: strangeId(),
        userId: 'early',
        sequence: 5_000,
        nthOfUser: 1,
        epoch: facts.redis.gateEpoch ?? 0,
      };
      partition.records.push({ offset: partition.endOffset, event });
      partition.endOffset += 1;
      addRow(system, strangeId(), { userId: 'early', epoch: event.epoch });
    },
  },
  {
    name: 'a checkpoint that forgot the marker',
    breaks: [7],
    plant: ({ facts }) => {
      checkpointOf(facts, partitionOf(facts, ASSIGN_TOPIC, 2)).highestMarker = null;
    },
  },
  {
    name: 'a checkpoint of a partition that does not exist',
    breaks: [7, 8],
    plant: ({ facts }) => {
      const checkpoint = checkpointOf(facts, partitionOf(facts, ASSIGN_TOPIC, 2));
      facts.tables.checkpoints.push({ ...checkpoint, partition: 3 });
    },
  },
  {
    name: 'counters that take an applied record for a fenced one',
    breaks: [8],
    plant: ({ facts }) => {
      const checkpoint = checkpointOf(facts, partitionOf(facts, ASSIGN_TOPIC, 0));
      checkpoint.applied -= 1;
      checkpoint.fenced += 1;
    },
  },
  {
    name: 'counters that take a marker for an applied record',
    breaks: [8],
    plant: ({ facts }) => {
      const checkpoint = checkpointOf(facts, partitionOf(facts, ASSIGN_TOPIC, 0));
      checkpoint.applied += 1;
      checkpoint.markers -= 1;
    },
  },
  {
    name: 'counters that missed a record',
    breaks: [8],
    plant: ({ facts }) => {
      checkpointOf(facts, partitionOf(facts, ASSIGN_TOPIC, 0)).applied -= 1;
    },
  },
  {
    name: 'a row from an event that is fenced',
    breaks: [5, 8],
    plant: (system) => {
      const { facts, assigned } = system;
      const { partition } = findRecord(facts, first(assigned).eventId);
      const checkpoint = checkpointOf(facts, partition);
      partition.records = partition.records.filter(({ offset }) => offset < checkpoint.nextOffset);
      partition.records.push({
        offset: checkpoint.nextOffset,
        event: { ...first(assigned), eventId: strangeId(), assignmentId: strangeId(), epoch: 1 },
      });
      checkpoint.nextOffset += 1;
      checkpoint.fenced += 1;
      partition.endOffset = checkpoint.nextOffset;
      addRow(system, strangeId(), {});
    },
  },
];
