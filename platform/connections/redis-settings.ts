// Where Redis is, itself or by what its Sentinels say, as whom, and whether through TLS.
import type { Address } from '../address.ts';
import type { SettingsReader } from '../settings.ts';
import { type Login, readLogin } from './login.ts';
import { readTls, type TlsSettings } from './tls.ts';

const SCHEMES = ['redis://', 'rediss://'];
/** Settings that say something of Sentinels only. */
const OF_SENTINELS = [
  'REDIS_SENTINEL_MASTER',
  'REDIS_SENTINEL_USERNAME',
  'REDIS_SENTINEL_PASSWORD',
] as const;

/** How to come to the master: the Sentinels, and the name that they know it by. */
export type SentinelSettings = {
  /** host:port, IPv6 in brackets. */
  hosts: readonly string[];
  master: string;
  login?: Login;
  /** Spoken with the Sentinels. */
  tls?: TlsSettings;
};

/** What every connection to one Redis shares. */
export type RedisConnection = {
  /** redis://host:port/database; a login that is not in `login` may stand in it. '' with Sentinels. */
  url: string;
  sentinel?: SentinelSettings;
  /** Without a user: the default one. */
  login?: Login;
  tls?: TlsSettings;
};

function readAddress(read: SettingsReader): Address {
  const address = read.address('REDIS_URL', SCHEMES);
  if (!/^\d*$/.test(address.path))
    read.fault('REDIS_URL may end with the number of a database only');
  return address;
}

/** REDIS_URL, or REDIS_SENTINELS with REDIS_SENTINEL_MASTER; the login; TLS. */
export function readRedisSettings(read: SettingsReader): RedisConnection {
  const hosts = read.optionalHosts('REDIS_SENTINELS');
  const address = hosts === undefined ? readAddress(read) : null;
  if (hosts !== undefined && read.optional('REDIS_URL') !== undefined) {
    read.fault('REDIS_URL and REDIS_SENTINELS are set: the Sentinels say where Redis is');
  }
  const login = readLogin(read, {
    address: address === null ? null : { name: 'REDIS_URL', value: address },
    user: { name: 'REDIS_USERNAME', value: read.optional('REDIS_USERNAME') },
    password: { name: 'REDIS_PASSWORD', value: read.secret('REDIS_PASSWORD') },
    userMayBeMissing: true,
  });
  const toRedis = read.oneOf('REDIS_TLS', 'off', ['off', 'on']) === 'on';
  const toSentinels = read.oneOf('REDIS_SENTINEL_TLS', 'off', ['off', 'on']) === 'on';
  const isOn = toRedis || address?.scheme === 'rediss://';
  if (isOn && read.optional('REDIS_TLS') === 'off') {
    read.fault('REDIS_URL is one with TLS, and REDIS_TLS is off');
  }
  const tls = readTls(read, {
    isOn: isOn || (toSentinels && hosts !== undefined),
    switchedBy: 'REDIS_TLS=on, or rediss://',
    ca: { name: 'REDIS_TLS_CA', value: read.file('REDIS_TLS_CA') },
    certificate: { name: 'REDIS_TLS_CERT', value: read.file('REDIS_TLS_CERT') },
    key: { name: 'REDIS_TLS_KEY', value: read.file('REDIS_TLS_KEY') },
  });
  const sentinel = readSentinel(read, hosts, toSentinels ? tls : null);
  return {
    url: address?.url ?? '',
    ...(sentinel === null ? {} : { sentinel }),
    ...(login === null ? {} : { login }),
    ...(tls === null || !isOn ? {} : { tls }),
  };
}

function readSentinel(
  read: SettingsReader,
  hosts: string[] | undefined,
  tls: TlsSettings | null,
): SentinelSettings | null {
  if (hosts === undefined) {
    const unused = OF_SENTINELS.filter((name) => read.secret(name) !== undefined);
    for (const name of unused) read.fault(`${name} is set, but not REDIS_SENTINELS`);
    if (read.optional('REDIS_SENTINEL_TLS') === 'on') {
      read.fault('REDIS_SENTINEL_TLS is on, but REDIS_SENTINELS is not set');
    }
    return null;
  }
  const master = read.optional('REDIS_SENTINEL_MASTER') ?? '';
  if (master === '') read.fault('REDIS_SENTINEL_MASTER is missing');
  const login = readLogin(read, {
    address: null,
    user: { name: 'REDIS_SENTINEL_USERNAME', value: read.optional('REDIS_SENTINEL_USERNAME') },
    password: { name: 'REDIS_SENTINEL_PASSWORD', value: read.secret('REDIS_SENTINEL_PASSWORD') },
    userMayBeMissing: true,
  });
  return {
    ...{ hosts, master },
    ...(login === null ? {} : { login }),
    ...(tls === null ? {} : { tls }),
  };
}
