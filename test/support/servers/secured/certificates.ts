// Certificates for one test: an authority, and a server certificate of it for this machine's loopback.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'selfsigned';

/** Paths of PEM files. */
export type Certificates = {
  ca: string;
  certificate: string;
  key: string;
  /** Key and certificate, one after the other, as a Kafka broker reads them. */
  keystore: string;
  /** An authority that signed nothing. */
  otherCa: string;
};

/** Makes an authority and a certificate for localhost, 127.0.0.1 and ::1 in `folder`. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  mkdirSync(folder, { recursive: true });
  const ca = await makeAuthority('firstcome test authority');
  const other = await makeAuthority('another authority');
  const server = await generate([{ name: 'commonName', value: 'firstcome test server' }], {
    algorithm: 'sha256',
    ca: { key: ca.private, cert: ca.cert },
    extensions: [
      { name: 'basicConstraints', cA: false },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  });
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  return {
    ca: file('ca.pem', ca.cert),
    certificate: file('server.pem', server.cert),
    key: file('server.key', server.private),
    keystore: file('keystore.pem', `${server.private}\n${server.cert}`),
    otherCa: file('other-ca.pem', other.cert),
  };
}

function makeAuthority(name: string) {
  return generate([{ name: 'commonName', value: name }], {
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
}
