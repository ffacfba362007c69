import { expect } from 'chai';
import { mysqlClockAssumption } from '../../../platform/clock-assumption.ts';
import { createMysql } from '../../../platform/mysql.ts';
import { addressOf } from '../../support/system/addresses.ts';

describe('The clock of MySQL', () => {
  it('is that of this machine', async () => {
    const db = createMysql({ url: addressOf('MYSQL_URL'), poolSize: 1 });
    expect(await mysqlClockAssumption(db).look()).to.deep.equal({ kind: 'holds' });
    await db.destroy();
  });

  it('is named with its difference when it is another', async () => {
    // A session may have a time of its own.
    const sessionStatements = ['SET timestamp = UNIX_TIMESTAMP() + 3600'];
    const db = createMysql({ url: addressOf('MYSQL_URL'), poolSize: 1, sessionStatements });
    const finding = await mysqlClockAssumption(db).look();
    expect(finding.kind === 'broken' && finding.reason).to.match(
      /^the clock of this process is (?:3599|3600|3601) s behind that of MySQL$/,
    );
    await db.destroy();
  });
});
