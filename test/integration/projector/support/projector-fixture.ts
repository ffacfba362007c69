// What every test of the projector starts from: a log and a database of its own.
import { createTestDatabase, type TestDatabase } from '../../../support/system/database.ts';
import { createEventSystem, type EventSystem } from '../../../support/system/topics.ts';
import { createEventLog, type EventLog } from './event-log.ts';
import { type ProjectorProcess, projectorSettings, startProjector } from './projector-process.ts';

export type ProjectorFixture = {
  system: EventSystem;
  /** May be replaced by another; the projectors that start then, and the end, mean that one. */
  database: TestDatabase;
  log: EventLog;
  /** Starts a projector of this system; it is ended with the fixture, if not before. */
  start(changes?: Record<string, string>): Promise<ProjectorProcess>;
  close(): Promise<void>;
};

/** An empty log in which epoch 0 has begun, and an empty read model. */
export async function createProjectorFixture(name: string): Promise<ProjectorFixture> {
  const system = await createEventSystem(`${name}-`);
  const database = await createTestDatabase();
  const log = createEventLog(system);
  const projectors: ProjectorProcess[] = [];
  await log.startEpoch(0);
  const fixture: ProjectorFixture = {
    system,
    database,
    log,
    start: async (changes = {}) => {
      const { topicPrefix } = system;
      const settings = projectorSettings({ topicPrefix, mysqlUrl: fixture.database.url });
      const projector = await startProjector({ ...settings, ...changes });
      projectors.push(projector);
      return projector;
    },
    close: async () => {
      await Promise.all(projectors.map((projector) => projector.end('SIGKILL')));
      await fixture.database.drop();
      await system.cleanup();
    },
  };
  return fixture;
}
