// MySQL and MariaDB: the same database, user and settings; only files and first steps differ.
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import type { Installer } from '../install/installer.ts';
import { runCommand } from '../process/run-command.ts';
import {
  type DatabaseProgram,
  databaseProgram,
  type Flavour,
  hasServer,
  mariadbSystemTables,
  OLDEST_VERSIONS,
  unpackServer,
} from './database-programs.ts';
import type { PartContext } from './part-context.ts';

/** Data of MariaDB in MySQL's place; neither reads the other's files. */
const STAND_IN_FOLDER = 'mysql-mariadb';
const DATABASE = 'firstcome';
const PROBE_TIMEOUT_MS = 2_000;

export const mariadbInstaller: Installer = {
  title: `mariadb ${OLDEST_VERSIONS.mariadb} or newer`,
  isInstalled: () => hasServer('mariadb'),
  install: (signal) => unpackServer('mariadb', signal),
};

/**
 * The machine's own MySQL, or the one of its distribution's packages; where that cannot be installed or
 * does not run, MariaDB in its place, with a line that says so. A folder stays with what made its data.
 * @param dataFolder where the data of a process is, by its name
 */
export function mysqlInstaller(
  dataFolder: (name: string) => string,
  report: (line: string) => void,
): Installer {
  if (existsSync(dataFolder(STAND_IN_FOLDER))) return mariadbInstaller;
  return {
    title: `mysql ${OLDEST_VERSIONS.mysql} or newer`,
    isInstalled: () => hasServer('mysql'),
    install: async (signal) => {
      try {
        await unpackServer('mysql', signal);
      } catch (error) {
        if (signal?.aborted || existsSync(dataFolder('mysql'))) throw error;
        const { message } = error as Error;
        report(`MySQL cannot be installed, MariaDB takes its place: ${message}`);
        if (!(await hasServer('mariadb'))) await unpackServer('mariadb', signal);
      }
    },
  };
}

/**
 * Statements run at every start before anybody can connect; they change nothing the second time.
 * @param password of the user `firstcome`, of letters, digits, - and _
 */
export function initStatements(password: string): string[] {
  return [
    `CREATE DATABASE IF NOT EXISTS ${DATABASE} CHARACTER SET utf8mb4`,
    `CREATE USER IF NOT EXISTS '${DATABASE}'@'127.0.0.1' IDENTIFIED BY '${password}'`,
    `GRANT ALL PRIVILEGES ON *.* TO '${DATABASE}'@'127.0.0.1'`,
  ];
}

/** The arguments that MySQL and MariaDB share. */
export function databaseArguments(options: {
  port: number;
  dataFolder: string;
  initFile: string;
}): string[] {
  return [
    `--datadir=${options.dataFolder}`,
    '--bind-address=127.0.0.1',
    `--port=${options.port}`,
    // Relative to the data folder: a socket's path must not exceed 107 characters.
    '--socket=server.sock',
    '--pid-file=server.pid',
    `--init-file=${options.initFile}`,
    '--skip-name-resolve',
    '--character-set-server=utf8mb4',
    '--innodb-flush-log-at-trx-commit=1',
    '--innodb-buffer-pool-size=256M',
    '--max-connections=300',
    '--performance-schema=OFF',
    // No replica reads it, and every commit would be flushed twice.
    '--skip-log-bin',
  ];
}

/**
 * Starts MySQL, or MariaDB in its place.
 * @returns the address of the database `firstcome`
 */
export async function startMysql(context: PartContext): Promise<string> {
  const isStandIn = existsSync(context.dataFolder(STAND_IN_FOLDER)) || !(await hasServer('mysql'));
  return isStandIn
    ? startFlavour(context, 'mysql', 'mariadb', STAND_IN_FOLDER)
    : startFlavour(context, 'mysql', 'mysql', 'mysql');
}

/**
 * Starts MariaDB.
 * @returns the address of the database `firstcome`
 */
export async function startMariadb(context: PartContext): Promise<string> {
  return startFlavour(context, 'mariadb', 'mariadb', 'mariadb');
}

async function startFlavour(
  context: PartContext,
  name: 'mysql' | 'mariadb',
  flavour: Flavour,
  folderName: string,
): Promise<string> {
  const port = await context.port(name);
  const folder = context.dataFolder(folderName);
  await mkdir(folder, { recursive: true });
  const initFile = join(folder, 'init.sql');
  const { databasePassword } = context.state;
  await writeFile(initFile, `${initStatements(databasePassword).join(';\n')};\n`, { mode: 0o600 });
  const program = await databaseProgram(flavour);
  const dataFolder = join(folder, 'data');
  if (!existsSync(dataFolder)) await initialise(flavour, program, dataFolder, context.signal);
  await context.launch({
    name,
    command: program.command,
    args: [...program.args, ...databaseArguments({ port, dataFolder, initFile })],
    cwd: folder,
    ready: () => selectOne(port, databasePassword),
  });
  return `mysql://${DATABASE}:${databasePassword}@127.0.0.1:${port}/${DATABASE}`;
}

async function initialise(
  flavour: Flavour,
  program: DatabaseProgram,
  dataFolder: string,
  signal: AbortSignal,
): Promise<void> {
  // Made beside and renamed: a start that was cut short must not leave half a database.
  const half = `${dataFolder}.new`;
  await rm(half, { recursive: true, force: true });
  if (flavour === 'mysql') {
    const args = [...program.args, '--initialize-insecure', `--datadir=${half}`];
    await runCommand(program.command, args, { signal });
  } else {
    await mkdir(half);
    await runCommand(program.command, [...program.args, '--bootstrap', `--datadir=${half}`], {
      input: await mariadbSystemTables(program),
      signal,
    });
  }
  await rename(half, dataFolder);
}

async function selectOne(port: number, password: string): Promise<void> {
  const connection = await createConnection({
    host: '127.0.0.1',
    port,
    user: DATABASE,
    password,
    database: DATABASE,
    connectTimeout: PROBE_TIMEOUT_MS,
  });
  try {
    await connection.query('select 1');
  } finally {
    connection.destroy();
  }
}
