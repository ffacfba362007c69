// Where MySQL is, as whom, and whether through TLS.
import { isIP } from 'node:net';
import type { SettingsReader } from '../settings.ts';
import { type Login, readLogin } from './login.ts';
import { readTls, type TlsSettings } from './tls.ts';

const SCHEMES = ['mysql://'];

/** What every pool of connections to one MySQL shares. */
export type MysqlConnection = {
  /** mysql://host:port/database; a login that is not in `login` may stand in it. */
  url: string;
  login?: Login;
  tls?: TlsSettings;
};

/** MYSQL_URL with its login, or that of MYSQL_USER and MYSQL_PASSWORD, and TLS. */
export function readMysqlSettings(read: SettingsReader): MysqlConnection {
  const address = read.address('MYSQL_URL', SCHEMES);
  const login = readLogin(read, {
    address: { name: 'MYSQL_URL', value: address },
    user: { name: 'MYSQL_USER', value: read.optional('MYSQL_USER') },
    password: { name: 'MYSQL_PASSWORD', value: read.secret('MYSQL_PASSWORD') },
  });
  const tls = readTls(read, {
    isOn: read.oneOf('MYSQL_TLS', 'off', ['off', 'on']) === 'on',
    switchedBy: 'MYSQL_TLS=on',
    ca: { name: 'MYSQL_TLS_CA', value: read.file('MYSQL_TLS_CA') },
    certificate: { name: 'MYSQL_TLS_CERT', value: read.file('MYSQL_TLS_CERT') },
    key: { name: 'MYSQL_TLS_KEY', value: read.file('MYSQL_TLS_KEY') },
  });
  if (address.url !== '') {
    if (!/^[^/]+$/.test(address.path)) read.fault('MYSQL_URL must end with the name of a database');
    if (login === null)
      read.fault('MYSQL_USER and MYSQL_PASSWORD are missing, and not in MYSQL_URL');
    // mysql2 compares a certificate with the name "localhost" where it was given an IP address.
    if (tls !== null && isIP(address.host) !== 0) {
      read.fault('MYSQL_URL must name its host, and not by an IP address, with MYSQL_TLS=on');
    }
  }
  return {
    url: address.url,
    ...(login === null ? {} : { login }),
    ...(tls === null ? {} : { tls }),
  };
}
