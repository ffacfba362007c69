import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { type Stack, startStack } from '../../../stack/stack.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { processesNaming, scratchFolder } from './processes.ts';

describe('MySQL and MariaDB', function () {
  this.timeout(300_000);
  const { folder, remove } = scratchFolder();
  let stack: Stack;

  before(async () => {
    stack = await startStack({ folder, parts: ['mysql', 'mariadb'], restart: false });
  });
  after(async () => {
    await stack.stop();
    await waitUntil('nothing is left', () => processesNaming(folder).length === 0);
    remove();
  });

  const flavours = { mysql: /^9\./, mariadb: /MariaDB/ } as const;
  for (const [name, version] of Object.entries(flavours)) {
    const url = (): string => stack.addresses[name === 'mysql' ? 'mysqlUrl' : 'mariadbUrl'];
    const query = async (sql: string, at = url()): Promise<RowDataPacket[]> => {
      const connection: Connection = await createConnection(at);
      const [rows] = await connection.query<RowDataPacket[]>(sql).finally(() => connection.end());
      return rows;
    };

    describe(name, () => {
      it('is what it says', async () => {
        const [row] = await query('select version() as version');
        expect(row?.version).to.match(version);
      });

      it('keeps any character', async () => {
        await query('create table titles (title varchar(100)) engine = InnoDB');
        await query("insert into titles values ('선착순 쿠폰 🎟')");
        expect(await query('select title from titles')).to.deep.equal([{ title: '선착순 쿠폰 🎟' }]);
      });

      it('lets its user make and drop further databases', async () => {
        await query('create database another_one');
        const other = url().replace(/\/firstcome$/, '/another_one');
        await query('create table t (id int primary key)', other);
        await query('drop database another_one');
      });

      it('knows nobody without the password', async () => {
        const error = await query('select 1', url().replace(/:[^:@]+@/, ':wrong@')).catch(
          (refusal: Error) => refusal,
        );
        expect(error).to.be.instanceOf(Error).with.property('code', 'ER_ACCESS_DENIED_ERROR');
      });

      it('keeps what is committed when it is killed', async () => {
        const process = stack.process(name);
        await query("insert into titles values ('committed')");
        process.kill('SIGKILL');
        await process.exited;
        await process.start();
        expect(await query('select title from titles')).to.have.lengthOf(2);
      });

      it('logs nothing that somebody must act on', () => {
        expect(readFileSync(join(folder, 'logs', `${name}.log`), 'utf8')).to.not.match(/\[ERROR\]/);
      });
    });
  }
});
