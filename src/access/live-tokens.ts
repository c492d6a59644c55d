// The tokens of a running server, on its main thread: read when it starts, and again when it is told to.

import type { Logger } from 'pino';
import type { Audit } from './audit.ts';
import { loadTokens } from './load.ts';
import type { TokenRecord } from './tokens.ts';

export class LiveTokens {
  readonly #file: string;
  readonly #log: Logger;
  #records: readonly TokenRecord[];
  /** Reloads go one after the other. */
  #last: Promise<void> = Promise.resolve();

  private constructor(file: string, log: Logger, records: readonly TokenRecord[]) {
    this.#file = file;
    this.#log = log;
    this.#records = records;
  }

  /** @throws TokensFileError */
  static async load(file: string, log: Logger): Promise<LiveTokens> {
    const records = await loadTokens(file);
    log.info(`${records.length} token${records.length === 1 ? '' : 's'} may ask`);
    if (records.length === 0) log.warn(`${file} has no tokens: nobody can ask anything`);
    return new LiveTokens(file, log, records);
  }

  get records(): readonly TokenRecord[] {
    return this.#records;
  }

  /**
   * Reads the file again and hands the tokens on; a bad file leaves the old ones as they are.
   * @param replace has every thread take them
   */
  reload(replace: (records: readonly TokenRecord[]) => Promise<void>, audit: Audit): Promise<void> {
    const before = this.#last;
    this.#last = this.#reloadAfter(before, replace, audit);
    return this.#last;
  }

  async #reloadAfter(
    before: Promise<void>,
    replace: (records: readonly TokenRecord[]) => Promise<void>,
    audit: Audit,
  ): Promise<void> {
    await before;
    let outcome = 'ok';
    try {
      const records = await loadTokens(this.#file, this.#records);
      await replace(records);
      this.#records = records;
      this.#log.info(`tokens reloaded: ${records.length} may ask`);
    } catch (error) {
      outcome = 'failed';
      this.#log.error(`THE TOKENS WERE NOT RELOADED, the old ones stay: ${(error as Error).message}`);
    }
    audit({ token: null, operation: 'tokensReload', target: this.#file, outcome, remoteAddress: '' });
  }
}
