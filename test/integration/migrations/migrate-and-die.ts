// Migrates the database of MYSQL_URL, and dies in the middle: once the server has done what
// DIE_AFTER names, the number of a statement that makes or changes a table.
import { migrateToLatest } from '../../../admin/migrations.ts';
import { createMysql } from '../../../platform/mysql.ts';

const { MYSQL_URL = '', DIE_AFTER = '' } = process.env;
const db = createMysql({ url: MYSQL_URL, poolSize: 1 });
let changes = 0;
db.on('query-response', (_response: unknown, { sql }: { sql: string }) => {
  if (/^\s*(create|alter)\b/i.test(sql)) changes += 1;
  if (changes === Number(DIE_AFTER)) process.kill(process.pid, 'SIGKILL');
});
await migrateToLatest(db);
await db.destroy();
