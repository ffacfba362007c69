// Where the schema registry is, as whom, and whom its certificate must be from.
import type { SettingsReader } from '../settings.ts';
import { type Login, readLogin } from './login.ts';
import { readTls, type TlsSettings } from './tls.ts';

const SCHEMES = ['http://', 'https://'];

/** A Confluent-compatible registry. */
export type RegistrySettings = {
  /** Base of the API, as http://127.0.0.1:8085/apis/ccompat/v7; no login in it. */
  url: string;
  /** For basic authentication. */
  login?: Login;
  tls?: TlsSettings;
};

/** SCHEMA_REGISTRY_URL with its login, or that of settings of its own, and TLS. */
export function readRegistrySettings(read: SettingsReader): RegistrySettings {
  const address = read.address('SCHEMA_REGISTRY_URL', SCHEMES);
  const user = read.optional('SCHEMA_REGISTRY_USERNAME');
  const password = read.secret('SCHEMA_REGISTRY_PASSWORD');
  const login = readLogin(read, {
    address: { name: 'SCHEMA_REGISTRY_URL', value: address },
    user: { name: 'SCHEMA_REGISTRY_USERNAME', value: user },
    password: { name: 'SCHEMA_REGISTRY_PASSWORD', value: password },
  });
  if (login?.user.includes(':')) {
    read.fault('SCHEMA_REGISTRY_USERNAME must hold no colon: basic authentication knows none');
  }
  const tls = readTls(read, {
    isOn: address.scheme === 'https://',
    switchedBy: 'an address of https://',
    ca: { name: 'SCHEMA_REGISTRY_TLS_CA', value: read.file('SCHEMA_REGISTRY_TLS_CA') },
    certificate: { name: 'SCHEMA_REGISTRY_TLS_CERT', value: read.file('SCHEMA_REGISTRY_TLS_CERT') },
    key: { name: 'SCHEMA_REGISTRY_TLS_KEY', value: read.file('SCHEMA_REGISTRY_TLS_KEY') },
  });
  return {
    url: address.url,
    ...(login === null ? {} : { login }),
    ...(tls === null ? {} : { tls }),
  };
}
