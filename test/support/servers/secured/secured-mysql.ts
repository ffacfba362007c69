// A MySQL that takes TLS only, with one more user whose password is hard to write into an address.
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { randomWord } from '../../../../platform/random-word.ts';
import { startMysql } from '../../../../stack/servers/mysql.ts';
import type { SecuredContext } from './launch.ts';

/** Starts it. @returns its port; the database is `firstcome` */
export async function startSecuredMysql(
  context: SecuredContext,
  login: { user: string; password: string },
): Promise<number> {
  const { ca, certificate, key } = context.certificates;
  const databasePassword = randomWord(20);
  const port = await context.port();
  const account = `'${login.user}'@'127.0.0.1'`;
  const statements = [
    `CREATE USER IF NOT EXISTS ${account} IDENTIFIED BY ${quoted(login.password)};`,
    `GRANT ALL PRIVILEGES ON firstcome.* TO ${account};`,
  ];
  const ask = async (): Promise<void> => {
    const connection = await createConnection({
      ...{ host: '127.0.0.1', port, user: login.user, password: login.password },
      ssl: { ca: readFileSync(ca) },
      connectTimeout: 2_000,
    });
    connection.destroy();
  };
  await startMysql({
    state: { clusterId: '', databasePassword, ports: {}, addresses: {}, parts: [] },
    signal: new AbortController().signal,
    dataFolder: (name) => context.folder(name),
    port: async () => port,
    launch: (options) => {
      appendFileSync(join(options.cwd ?? '', 'init.sql'), `${statements.join('\n')}\n`);
      return context.launch({
        ...options,
        args: [
          ...options.args,
          '--require-secure-transport=ON',
          ...[`--ssl-ca=${ca}`, `--ssl-cert=${certificate}`, `--ssl-key=${key}`],
        ],
        ready: ask,
      });
    },
  });
  return port;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
