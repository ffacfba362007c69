import { expect } from 'chai';
import { readState } from '../../../stack/stack-state.ts';

describe('The state of a stack that is new', () => {
  it('has a cluster id and a password that no program takes for an option', () => {
    for (let round = 0; round < 1_000; round += 1) {
      const { clusterId, databasePassword } = readState('/nowhere');
      expect(clusterId).to.match(/^[a-z0-9]{22}$/);
      expect(databasePassword).to.match(/^[a-z0-9]{32}$/);
    }
  });
});
