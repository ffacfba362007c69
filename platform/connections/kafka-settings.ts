// Where the brokers are, as whom, and whether through TLS.
import type { SettingsReader } from '../settings.ts';
import { type Login, readLogin } from './login.ts';
import { readTls, type TlsSettings } from './tls.ts';

const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;

/** How a client proves who it is. */
export type SaslSettings = { mechanism: (typeof MECHANISMS)[number]; login: Login };

/** What every client of one cluster shares. */
export type KafkaConnection = {
  /** host:port, IPv6 in brackets. */
  brokers: string[];
  tls?: TlsSettings;
  sasl?: SaslSettings;
};

/** KAFKA_BROKERS, TLS and SASL. */
export function readKafkaSettings(read: SettingsReader): KafkaConnection {
  const brokers = read.hosts('KAFKA_BROKERS');
  const tls = readTls(read, {
    isOn: read.oneOf('KAFKA_TLS', 'off', ['off', 'on']) === 'on',
    switchedBy: 'KAFKA_TLS=on',
    ca: { name: 'KAFKA_TLS_CA', value: read.file('KAFKA_TLS_CA') },
    certificate: { name: 'KAFKA_TLS_CERT', value: read.file('KAFKA_TLS_CERT') },
    key: { name: 'KAFKA_TLS_KEY', value: read.file('KAFKA_TLS_KEY') },
  });
  const mechanism = read.oneOf('KAFKA_SASL_MECHANISM', 'none', ['none', ...MECHANISMS]);
  const login = readLogin(read, {
    address: null,
    user: { name: 'KAFKA_SASL_USERNAME', value: read.optional('KAFKA_SASL_USERNAME') },
    password: { name: 'KAFKA_SASL_PASSWORD', value: read.secret('KAFKA_SASL_PASSWORD') },
  });
  if (login !== null && mechanism === 'none') {
    read.fault('KAFKA_SASL_USERNAME is set, but not KAFKA_SASL_MECHANISM');
  }
  if (login === null && mechanism !== 'none') {
    read.fault('KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD are missing');
  }
  return {
    brokers,
    ...(tls === null ? {} : { tls }),
    ...(login === null || mechanism === 'none' ? {} : { sasl: { mechanism, login } }),
  };
}
