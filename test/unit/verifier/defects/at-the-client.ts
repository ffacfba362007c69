// Defects of what clients were answered.

import { strangeId } from '../fixture-system.ts';
import { addIssued, type Defect, first, ledgerOf } from './defect.ts';

export const AT_THE_CLIENT: readonly Defect[] = [
  {
    name: 'an answer about an assignment that never happened',
    breaks: [3],
    plant: (system) => {
      const { accepted } = ledgerOf(system);
      accepted.push({ ...first(accepted), assignmentId: strangeId() });
    },
  },
  {
    name: 'an answer with another unit',
    breaks: [3],
    plant: (system) => {
      first(ledgerOf(system).accepted).sequence += 1;
    },
  },
  {
    name: 'an assignment in no answer',
    breaks: [3],
    plant: (system) => void ledgerOf(system).accepted.pop(),
  },
  {
    name: 'an assignment of a user who was never answered',
    breaks: [],
    plant: (system) => {
      const ledger = ledgerOf(system);
      const unanswered = ledger.accepted.pop();
      if (unanswered !== undefined) ledger.unknownUsers.add(unanswered.userId);
    },
  },
  {
    name: 'an assignment that was answered under two keys',
    breaks: [3],
    plant: (system) => {
      const { accepted } = ledgerOf(system);
      accepted.push({ ...first(accepted) });
    },
  },
  {
    name: 'a missing row of an assignment that was answered',
    breaks: [3, 5, 7, 8],
    plant: ({ facts, watched, watchedAssigned }) => {
      const { eventId } = first(watchedAssigned);
      facts.tables.assignments.delete(eventId);
      addIssued({ facts, plain: watched }, -1);
    },
  },
];
