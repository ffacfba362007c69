import { expect } from 'chai';
import fc from 'fast-check';
import { Partitioners } from 'kafkajs';
import { partitionOfKey } from '../../../../platform/kafka/partitioner.ts';

describe('The partition of a key', () => {
  it('is the one that kafkajs takes, for any text and any number of partitions', () => {
    const kafkajs = Partitioners.DefaultPartitioner();
    fc.assert(
      fc.property(
        fc.oneof(fc.uuid(), fc.string({ unit: 'binary', maxLength: 40 })),
        fc.integer({ min: 1, max: 50 }),
        (key, count) => {
          const partitionMetadata = Array.from({ length: count }, (_, partitionId) => ({
            partitionErrorCode: 0,
            partitionId,
            leader: 0,
            replicas: [],
            isr: [],
          }));
          const message = { key, value: null };
          expect(partitionOfKey(key, count)).to.equal(
            kafkajs({ topic: 'any', partitionMetadata, message }),
          );
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
