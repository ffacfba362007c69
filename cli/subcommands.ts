// Every subcommand: its line in the help, and what loads it when it is called for. Loaded lazily, because
// an installation may lack folders that only some of them need.
import type { Command } from 'commander';

export type Subcommand = {
  name: string;
  summary: string;
  /** Folders of the repository that the image of the services does not hold. */
  needs?: readonly string[];
  /** Gives what defines the subcommand's options and action. */
  load: () => Promise<(command: Command) => void>;
};

export const SUBCOMMANDS: readonly Subcommand[] = [
  {
    name: 'start',
    summary: 'start everything on this machine, run a rush, then serve until Ctrl-C',
    needs: ['stack', 'loadtest'],
    load: async () => (await import('./start.ts')).defineStart,
  },
  {
    name: 'stack',
    summary: 'the servers of this machine: up, status, reset',
    needs: ['stack'],
    load: async () => (await import('./stack.ts')).defineStack,
  },
  {
    name: 'migrate',
    summary: 'make topics, schemas and tables, or bring them up to this version',
    load: async () => (await import('./migrate.ts')).defineMigrate,
  },
  {
    name: 'schemas',
    summary:
      'the registry, and any record of the log: list, show, check, register, restore, decode',
    load: async () => (await import('./schemas.ts')).defineSchemas,
  },
  {
    name: 'verify',
    summary: 'check every invariant on the running system; changes nothing',
    load: async () => (await import('./verify.ts')).defineVerify,
  },
  {
    name: 'rebuild-redis',
    summary: 'rebuild Redis from the log, in a new epoch',
    load: async () => (await import('./rebuild-redis.ts')).defineRebuildRedis,
  },
  {
    name: 'snapshot',
    summary: 'write a snapshot of the log, so that the next rebuild of Redis reads less',
    load: async () => (await import('./snapshot.ts')).defineSnapshot,
  },
  {
    name: 'rebuild-reads',
    summary: 'rebuild the read tables beside the live ones, compare, and swap',
    load: async () => (await import('./rebuild-reads.ts')).defineRebuildReads,
  },
  {
    name: 'dead-letters',
    summary: 'what could not be applied: list, show, redrive, discard',
    load: async () => (await import('./dead-letters.ts')).defineDeadLetters,
  },
  {
    name: 'discard',
    summary: 'pass over one record of the log that nobody can read, for good',
    load: async () => (await import('./discard.ts')).defineDiscard,
  },
  {
    name: 'loadtest',
    summary: 'run a rush of users on the running system, then verify it',
    needs: ['loadtest'],
    load: async () => (await import('./loadtest.ts')).defineLoadtest,
  },
  {
    name: 'bench-rebuild',
    summary: 'measure how long a rebuild of Redis takes, on a log of its own',
    load: async () => (await import('./bench-rebuild.ts')).defineBenchRebuild,
  },
];
