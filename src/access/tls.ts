// The server's certificate and key, checked before any thread listens with them: what is wrong with them is said in one sentence, by file.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';

export interface TlsFiles {
  /** PEM: the server's certificate first, then those that lead to a root. */
  readonly certFile: string;
  /** PEM, without a passphrase. */
  readonly keyFile: string;
}

export interface CheckedTls {
  /** As in the certificate: `CN=geo.example.com`. */
  readonly subject: string;
  readonly validUntil: Date;
}

class TlsError extends Error {}

/** Of a configuration; undefined when it asks for none. */
export function tlsFilesOf(config: {
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
}): TlsFiles | undefined {
  const { tlsCert, tlsKey } = config;
  return tlsCert === undefined || tlsKey === undefined ? undefined : { certFile: tlsCert, keyFile: tlsKey };
}

/** @throws TlsError */
export async function checkTls({ certFile, keyFile }: TlsFiles): Promise<CheckedTls> {
  const [cert, key] = await Promise.all([read(certFile, 'certificate'), read(keyFile, 'key')]);
  const certificate = attempt(() => new X509Certificate(cert), `${certFile} holds no certificate in PEM`);
  const privateKey = attempt(
    () => createPrivateKey(key),
    `${keyFile} holds no private key in PEM without a passphrase`,
  );
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new TlsError(`the key in ${keyFile} is not that of the certificate in ${certFile}`);
  }
  attempt(() => createSecureContext({ cert, key }), `${certFile} and ${keyFile} cannot be used together`);
  const validUntil = new Date(certificate.validTo);
  if (validUntil.getTime() < Date.now()) {
    throw new TlsError(`the certificate in ${certFile} has expired: it was valid until ${validUntil.toISOString()}`);
  }
  return { subject: certificate.subject ?? '', validUntil };
}

async function read(file: string, what: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new TlsError(`cannot read the TLS ${what}: ${(error as Error).message}`);
  }
}

function attempt<T>(work: () => T, otherwise: string): T {
  try {
    return work();
  } catch (error) {
    // OpenSSL's words, which do not quote what is in the file.
    throw new TlsError(`${otherwise} (${(error as Error).message})`);
  }
}
