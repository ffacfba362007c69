// The servers of MySQL and MariaDB: the machine's own where they fit, else out of packages.
import { existsSync, realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type DebianProgram,
  isUnpacked,
  unpackedProgram,
  unpackProgram,
} from '../install/debian-packages.ts';
import { findOnPath, isAtLeast, type PathProgram } from '../install/programs-on-path.ts';

export type Flavour = 'mysql' | 'mariadb';

/** How to run a server; its files are in `prefix`/share. */
export type DatabaseProgram = { command: string; args: string[]; prefix: string };

/** What the migrations and statements need; the tests run on MySQL 9 and MariaDB 10.11. */
export const OLDEST_VERSIONS: Record<Flavour, string> = { mysql: '8.0.19', mariadb: '10.6' };
const ON_PATH: Record<Flavour, PathProgram> = {
  mysql: { name: 'mysqld', parseVersion: parseMysqlVersion, oldest: OLDEST_VERSIONS.mysql },
  mariadb: { name: 'mariadbd', parseVersion: parseMariadbVersion, oldest: OLDEST_VERSIONS.mariadb },
};
const PACKAGED: Record<Flavour, DebianProgram> = {
  mysql: {
    packageName: 'mysql-server-core',
    otherNames: ['mysql-server-core-8.4', 'mysql-server-core-8.0'],
    path: 'usr/sbin/mysqld',
    // Debian's own releases have none.
    debianSuite: 'sid',
    fits: (text) => isAtLeast(parseMysqlVersion(text) ?? '0', OLDEST_VERSIONS.mysql),
  },
  mariadb: {
    packageName: 'mariadb-server-core',
    path: 'usr/sbin/mariadbd',
    fits: (text) => isAtLeast(parseMariadbVersion(text) ?? '0', OLDEST_VERSIONS.mariadb),
  },
};

/** Downloads and unpacks a server. @throws StackError when it cannot be installed or does not run here */
export async function unpackServer(flavour: Flavour, signal?: AbortSignal): Promise<void> {
  await unpackProgram(PACKAGED[flavour], signal);
}

/** True when the server is in PATH or unpacked. */
export async function hasServer(flavour: Flavour): Promise<boolean> {
  return (await serverOnPath(flavour)) !== undefined || isUnpacked(PACKAGED[flavour]);
}

/** The machine's own server, unless it is too old or its files are not where they usually are. */
async function serverOnPath(flavour: Flavour): Promise<DatabaseProgram | undefined> {
  const command = await findOnPath(ON_PATH[flavour]);
  if (command === undefined) return undefined;
  const program = { command, args: [], prefix: dirname(dirname(realpathSync(command))) };
  const isWhole =
    flavour === 'mysql' || existsSync(systemTablesFile(program, 'mysql_system_tables.sql'));
  return isWhole ? program : undefined;
}

/**
 * How to run a server with its own files and no settings of the machine. The unpacked one comes first:
 * data that a newer version has written cannot be read by an older one that appears in PATH.
 * @throws StackError when there is none
 */
export async function databaseProgram(flavour: Flavour): Promise<DatabaseProgram> {
  const program = (await isUnpacked(PACKAGED[flavour]))
    ? await unpackedServer(flavour)
    : ((await serverOnPath(flavour)) ?? (await unpackedServer(flavour)));
  const share = shareFolder(program);
  const args = [
    '--no-defaults',
    `--basedir=${program.prefix}`,
    `--lc-messages-dir=${share}`,
    `--character-sets-dir=${join(share, 'charsets')}`,
    ...(flavour === 'mysql' ? ['--secure-file-priv=NULL', '--mysqlx=0'] : []),
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
  ];
  return { ...program, args: [...program.args, ...args] };
}

async function unpackedServer(flavour: Flavour): Promise<DatabaseProgram> {
  const { command, args, root } = await unpackedProgram(PACKAGED[flavour]);
  return { command, args, prefix: join(root, 'usr') };
}

/** Messages, character sets and system tables: in a folder of the server's own, or right in share/. */
function shareFolder({ prefix }: DatabaseProgram): string {
  const folders = ['share/mysql', 'share/mariadb', 'share'].map((folder) => join(prefix, folder));
  return folders.find((folder) => existsSync(join(folder, 'charsets'))) ?? join(prefix, 'share');
}

/** The version in what `mysqld --version` writes; MariaDB may be called mysqld as well. */
export function parseMysqlVersion(text: string): string | undefined {
  return /mariadb/i.test(text) ? undefined : /\bVer (\d+\.\d+\.\d+)/.exec(text)?.[1];
}

/** The version in what `mariadbd --version` writes. */
export function parseMariadbVersion(text: string): string | undefined {
  return /\bVer (\d+\.\d+\.\d+)-MariaDB/.exec(text)?.[1];
}

/** What mariadb-install-db feeds to the server, which itself needs the programs of the machine. */
export async function mariadbSystemTables(program: DatabaseProgram): Promise<string> {
  const files = [
    'mysql_system_tables.sql',
    'mysql_performance_tables.sql',
    'mysql_system_tables_data.sql',
    'maria_add_gis_sp_bootstrap.sql',
    'mysql_sys_schema.sql',
  ];
  const texts = await Promise.all(
    files.map((file) => readFile(systemTablesFile(program, file), 'utf8')),
  );
  return ['create database mysql;\nuse mysql;\nset @auth_root_socket=NULL;\n', ...texts].join('\n');
}

/** MariaDB 11 calls some of its files after itself. */
function systemTablesFile(program: DatabaseProgram, file: string): string {
  const share = shareFolder(program);
  const renamed = join(share, file.replace(/^mysql_/, 'mariadb_'));
  return existsSync(renamed) ? renamed : join(share, file);
}
