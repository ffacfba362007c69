// Answers to repeats that contradict each other.
import { acceptedIn, type Defect, first, ledgerOf, REFUSED } from './defect.ts';

export const IN_ANSWERS: readonly Defect[] = [
  {
    name: 'a key that was answered with two assignments',
    breaks: [6],
    plant: (system) => {
      const [one, other] = acceptedIn(system).filter(({ replayed }) => !replayed);
      if (one === undefined || other === undefined) throw new Error('too few');
      ledgerOf(system).answers.push({ ...other, key: one.key, replayed: true });
    },
  },
  {
    name: 'a key that was answered with another time of the same assignment',
    breaks: [6],
    plant: (system) => {
      const answer = first(acceptedIn(system));
      const assignment = { ...answer.assignment, assignedAt: answer.assignment.assignedAt + 1 };
      ledgerOf(system).answers.push({ ...answer, assignment, replayed: true });
    },
  },
  {
    name: 'a repeat that was answered as new',
    breaks: [6],
    plant: (system) => {
      const answer = acceptedIn(system).find(({ replayed }) => !replayed);
      if (answer !== undefined) ledgerOf(system).answers.push({ ...answer });
    },
  },
  {
    name: 'a key that was refused after it was accepted',
    breaks: [6],
    plant: (system) => {
      const { userId, key, answeredAt } = first(acceptedIn(system).slice(-1));
      const moments = { sentAt: answeredAt + 2, answeredAt: answeredAt + 3 };
      ledgerOf(system).answers.push({ userId, key, ...moments, ...REFUSED });
    },
  },
  {
    name: 'a refusal that was on its way while the key was accepted',
    breaks: [],
    plant: (system) => {
      const { userId, key, sentAt, answeredAt } = first(acceptedIn(system));
      ledgerOf(system).answers.push({ userId, key, sentAt, answeredAt, ...REFUSED });
    },
  },
  {
    name: 'two assignments of a user who asked under one key',
    breaks: [6],
    plant: (system) => {
      const { answers } = ledgerOf(system);
      const { userId } = first(system.watchedAssigned);
      const kept = answers.find((answer) => answer.userId === userId);
      const others = answers.filter((answer) => answer.userId !== userId);
      answers.splice(0, answers.length, ...others, ...(kept === undefined ? [] : [kept]));
    },
  },
];
