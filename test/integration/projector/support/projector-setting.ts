// What every test of the projector starts from: a log and a database of its own.
import { createTestDatabase, type TestDatabase } from '../../../support/system/database.ts';
import { createEventWorld, type EventWorld } from '../../../support/system/topics.ts';
import { type EventLog, openEventLog } from './event-log.ts';
import { type ProjectorProcess, projectorSettings, startProjector } from './projector-process.ts';

export type Setting = {
  world: EventWorld;
  /** May be replaced by another; the projectors that start then, and the end, mean that one. */
  database: TestDatabase;
  log: EventLog;
  /** Starts a projector of this world; it is ended with the setting, if not before. */
  start(changes?: Record<string, string>): Promise<ProjectorProcess>;
  close(): Promise<void>;
};

/** An empty log in which epoch 0 has begun, and an empty read model. */
export async function createSetting(name: string): Promise<Setting> {
  const world = await createEventWorld(`${name}-`);
  const database = await createTestDatabase();
  const log = await openEventLog(world);
  const projectors: ProjectorProcess[] = [];
  await log.startEpoch(0);
  const setting: Setting = {
    world,
    database,
    log,
    start: async (changes = {}) => {
      const { topicPrefix } = world;
      const settings = projectorSettings({ topicPrefix, mysqlUrl: setting.database.url });
      const projector = await startProjector({ ...settings, ...changes });
      projectors.push(projector);
      return projector;
    },
    close: async () => {
      await Promise.all(projectors.map((projector) => projector.end('SIGKILL')));
      await log.close();
      await setting.database.drop();
      await world.cleanup();
    },
  };
  return setting;
}
