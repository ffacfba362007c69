// MySQL 9 and MariaDB: the same database, user and settings; only files and first steps differ.
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import {
  installDebianPackage,
  isDebianPackageInstalled,
  type UnpackedProgram,
  unpackedProgram,
} from './debian-packages.ts';
import type { Installer } from './installer.ts';
import type { PartContext } from './part-context.ts';
import { runCommand } from './run-command.ts';

const MYSQL = { packageName: 'mysql-server-core', suite: 'sid' } as const;
const MARIADB = { packageName: 'mariadb-server-core', suite: undefined } as const;
const DATABASE = 'firstcome';
const PROBE_TIMEOUT_MS = 2_000;

export const mariadbInstaller: Installer = {
  title: 'mariadb',
  isInstalled: () => isDebianPackageInstalled(MARIADB.packageName, MARIADB.suite),
  install: async () => {
    await installDebianPackage(MARIADB.packageName, MARIADB.suite);
  },
};

/** MySQL out of Debian's newest packages; where those do not run, MariaDB, with a line that says so. */
export function mysqlInstaller(report: (line: string) => void): Installer {
  return {
    title: 'mysql 9',
    isInstalled: async () => (await mysqlFlavour()) !== undefined,
    install: async () => {
      try {
        await installDebianPackage(MYSQL.packageName, MYSQL.suite);
      } catch (error) {
        report(`mysql 9 is not to be had, MariaDB takes its place: ${(error as Error).message}`);
        await installDebianPackage(MARIADB.packageName, MARIADB.suite);
      }
    },
  };
}

type Flavour = 'mysql' | 'mariadb';

async function mysqlFlavour(): Promise<Flavour | undefined> {
  if (await isDebianPackageInstalled(MYSQL.packageName, MYSQL.suite)) return 'mysql';
  if (await isDebianPackageInstalled(MARIADB.packageName, MARIADB.suite)) return 'mariadb';
  return undefined;
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
 * Starts MySQL, or MariaDB in its place where only that is installed.
 * @returns the address of the database `firstcome`
 */
export async function startMysql(context: PartContext): Promise<string> {
  return startFlavour(context, 'mysql', (await mysqlFlavour()) ?? 'mysql');
}

/**
 * Starts MariaDB.
 * @returns the address of the database `firstcome`
 */
export async function startMariadb(context: PartContext): Promise<string> {
  return startFlavour(context, 'mariadb', 'mariadb');
}

async function startFlavour(
  context: PartContext,
  name: 'mysql' | 'mariadb',
  flavour: Flavour,
): Promise<string> {
  const port = await context.port(name);
  const folder = context.dataFolder(name === flavour ? name : `${name}-${flavour}`);
  await mkdir(folder, { recursive: true });
  const initFile = join(folder, 'init.sql');
  const { databasePassword } = context.state;
  await writeFile(initFile, `${initStatements(databasePassword).join(';\n')};\n`, { mode: 0o600 });
  const program = await databaseProgram(flavour);
  const dataFolder = join(folder, 'data');
  if (!existsSync(dataFolder)) await initialise(flavour, program, dataFolder);
  await context.launch({
    name,
    command: program.command,
    args: [...program.args, ...databaseArguments({ port, dataFolder, initFile })],
    cwd: folder,
    ready: () => selectOne(port, databasePassword),
  });
  return `mysql://${DATABASE}:${databasePassword}@127.0.0.1:${port}/${DATABASE}`;
}

async function databaseProgram(flavour: Flavour): Promise<UnpackedProgram> {
  const isMysql = flavour === 'mysql';
  const { packageName, suite } = isMysql ? MYSQL : MARIADB;
  const root = await installDebianPackage(packageName, suite);
  const program = await unpackedProgram(root, isMysql ? 'usr/sbin/mysqld' : 'usr/sbin/mariadbd');
  const args = [
    '--no-defaults',
    `--basedir=${join(root, 'usr')}`,
    `--lc-messages-dir=${join(root, 'usr/share/mysql')}`,
    `--character-sets-dir=${join(root, 'usr/share/mysql/charsets')}`,
    ...(isMysql ? ['--secure-file-priv=NULL', '--mysqlx=0'] : []),
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
  ];
  return { ...program, args: [...program.args, ...args] };
}

async function initialise(
  flavour: Flavour,
  program: UnpackedProgram,
  dataFolder: string,
): Promise<void> {
  // Made beside and renamed: a start that was cut short must not leave half a database.
  const half = `${dataFolder}.new`;
  await rm(half, { recursive: true, force: true });
  if (flavour === 'mysql') {
    await runCommand(program.command, [
      ...program.args,
      '--initialize-insecure',
      `--datadir=${half}`,
    ]);
  } else {
    await mkdir(half);
    await runCommand(program.command, [...program.args, '--bootstrap', `--datadir=${half}`], {
      input: await mariadbSystemTables(program.root),
    });
  }
  await rename(half, dataFolder);
}

/** What mariadb-install-db feeds to the server, which itself needs the programs of the machine. */
async function mariadbSystemTables(root: string): Promise<string> {
  const files = [
    'mysql_system_tables.sql',
    'mysql_performance_tables.sql',
    'mysql_system_tables_data.sql',
    'maria_add_gis_sp_bootstrap.sql',
    'mysql_sys_schema.sql',
  ];
  const texts = await Promise.all(
    files.map((file) => readFile(join(root, 'usr/share/mysql', file), 'utf8')),
  );
  return ['create database mysql;\nuse mysql;\nset @auth_root_socket=NULL;\n', ...texts].join('\n');
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
