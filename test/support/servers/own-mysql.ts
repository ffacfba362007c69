// A MySQL and a MariaDB for one test alone, to be set up as nobody should.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { startStack } from '../../../stack/stack.ts';

export type OwnDatabases = {
  /** The address of the database `firstcome` of each, with a user who may do everything. */
  urls: Readonly<Record<'mysql' | 'mariadb', string>>;
  /** Stops both and removes their data. */
  close(): Promise<void>;
};

/** Starts both, empty, on free ports. */
export async function startOwnDatabases(): Promise<OwnDatabases> {
  mkdirSync('.firstcome', { recursive: true });
  const folder = mkdtempSync('.firstcome/databases-');
  const stack = await startStack({ folder, parts: ['mysql', 'mariadb'], restart: false });
  return {
    urls: { mysql: stack.addresses.mysqlUrl, mariadb: stack.addresses.mariadbUrl },
    close: async () => {
      await stack.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
