// What can be wrong in a made system, and which invariants must find it.

import { AT_THE_CLIENT } from './defects/at-the-client.ts';
import type { Defect } from './defects/defect.ts';
import { IN_ANSWERS } from './defects/in-answers.ts';
import { IN_DEAD_LETTERS } from './defects/in-dead-letters.ts';
import { IN_REDIS } from './defects/in-redis.ts';
import { IN_REFUSALS } from './defects/in-refusals.ts';
import { IN_THE_LOG } from './defects/in-the-log.ts';
import { IN_THE_TABLES } from './defects/in-the-tables.ts';
import { IN_THE_WHOLE } from './defects/in-the-whole.ts';
import { IN_TRANSITIONS } from './defects/in-transitions.ts';

/** One of each kind. */
export const DEFECTS: readonly Defect[] = [
  ...IN_THE_WHOLE,
  ...IN_THE_LOG,
  ...IN_THE_TABLES,
  ...IN_REDIS,
  ...IN_DEAD_LETTERS,
  ...AT_THE_CLIENT,
  ...IN_ANSWERS,
  ...IN_REFUSALS,
  ...IN_TRANSITIONS,
];
