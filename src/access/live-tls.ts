// The certificate of a running server, on its main thread: checked when it starts, and renewed when it is told to.

import type { Logger } from 'pino';
import type { Audit } from './audit.ts';
import { checkTls, type TlsFiles } from './tls.ts';

export class LiveTls {
  readonly #files: TlsFiles;
  readonly #log: Logger;

  private constructor(files: TlsFiles, log: Logger) {
    this.#files = files;
    this.#log = log;
  }

  /** @throws TlsError */
  static async check(files: TlsFiles, log: Logger): Promise<LiveTls> {
    const tls = new LiveTls(files, log);
    await tls.#check();
    return tls;
  }

  /** @param listen has every thread listen with the files as they are by now; files that are wrong leave everything as it is */
  async renew(listen: () => Promise<void>, audit: Audit): Promise<void> {
    let outcome = 'ok';
    try {
      await this.#check();
      await listen();
    } catch (error) {
      outcome = 'failed';
      this.#log.error(`THE CERTIFICATE WAS NOT RELOADED, the old one stays: ${(error as Error).message}`);
    }
    audit({ token: null, operation: 'tlsReload', target: this.#files.certFile, outcome, remoteAddress: '' });
  }

  async #check(): Promise<void> {
    const { subject, validUntil } = await checkTls(this.#files);
    this.#log.info(
      `TLS by the certificate of ${subject.replaceAll('\n', ', ')}, valid until ${validUntil.toISOString()}`,
    );
  }
}
