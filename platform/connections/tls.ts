// TLS of a connection: the server's certificate and name are always verified.
import { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { SettingsReader } from '../settings.ts';

/** PEM texts. Without `ca` the certificate authorities that Node trusts are asked. */
export type TlsSettings = { ca?: string; certificate?: string; key?: string };

type TlsSources = {
  isOn: boolean;
  /** What switches it on, for the message. */
  switchedBy: string;
  ca: { name: string; value: string | undefined };
  certificate: { name: string; value: string | undefined };
  key: { name: string; value: string | undefined };
};

/**
 * How TLS is spoken; null when it is off. A file that would not be used, half a client certificate and
 * a file that holds no PEM are faults.
 */
export function readTls(read: SettingsReader, sources: TlsSources): TlsSettings | null {
  const { isOn, switchedBy, ca, certificate, key } = sources;
  const given = [ca, certificate, key].filter(({ value }) => value !== undefined);
  if (!isOn) {
    for (const { name } of given) read.fault(`${name} is set, but not ${switchedBy}`);
    return null;
  }
  if ((certificate.value === undefined) !== (key.value === undefined)) {
    read.fault(`${certificate.name} and ${key.name} belong together: one of them is missing`);
  }
  const tls: TlsSettings = {
    ...(ca.value === undefined ? {} : { ca: ca.value }),
    ...(certificate.value === undefined ? {} : { certificate: certificate.value }),
    ...(key.value === undefined ? {} : { key: key.value }),
  };
  if (!isCertificate(ca.value)) read.fault(`${ca.name} must be a file of PEM certificates`);
  if (!isUsable(tls)) {
    read.fault(
      `${certificate.name} and ${key.name} must be PEM files of a certificate and its key`,
    );
  }
  return tls;
}

// OpenSSL passes over authorities that it cannot read.
function isCertificate(pem: string | undefined): boolean {
  try {
    return pem === undefined || new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}

function isUsable({ certificate: cert, key }: TlsSettings): boolean {
  try {
    createSecureContext({ cert, key });
    return true;
  } catch {
    return false;
  }
}

/** As `node:tls` takes it. */
export function tlsOptionsOf({ ca, certificate, key }: TlsSettings): SecureContextOptions {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
  };
}
