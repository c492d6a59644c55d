// The LMDB environment of a data directory: one file, raziel.mdb, with databases for what is stored, written by transactions that are on
// disk when commit() returns. databases.ts says what is in it. LMDB maps the file and follows what it finds there: whoever opens an existing one
// has had it checked (check-data.ts).

import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { RazielError } from '../errors.ts';
import { DATA_FILE } from './databases.ts';
import { Snapshot } from './snapshot.ts';
import { FORMAT_KEY, writeFormat } from './format.ts';

/** LMDB's own code after a failure from which it cannot go on with what it has open. */
const MDB_PANIC = -30795;

export class Environment {
  readonly directory: string;
  readonly #path: string;
  readonly #bytesMax: number;
  #root!: RootDatabase<Uint8Array, string>;
  #meta!: Database<Uint8Array, string>;
  #state!: Database<Uint8Array, string>;
  #drivers!: Database<Uint8Array, number>;
  #log!: Database<Uint8Array, number>;

  /**
   * @param bytesMax of the file, at most
   * @param file of the directory; a new one is made with this version's format
   */
  constructor(directory: string, bytesMax: number, file: string = DATA_FILE) {
    this.directory = directory;
    this.#path = join(directory, file);
    this.#bytesMax = bytesMax;
    this.#open();
  }

  get meta(): Database<Uint8Array, string> {
    return this.#meta;
  }

  get state(): Database<Uint8Array, string> {
    return this.#state;
  }

  get drivers(): Database<Uint8Array, number> {
    return this.#drivers;
  }

  get log(): Database<Uint8Array, number> {
    return this.#log;
  }

  /** Of the file: what is used, and what it has free inside. */
  get fileBytes(): number {
    const { pageSize, lastPageNumber } = this.#root.getStats() as { pageSize: number; lastPageNumber: number };
    return pageSize * (lastPageNumber + 1);
  }

  /**
   * Does the work in one transaction, which is committed and synced when this returns.
   * @throws RazielError STORAGE_FULL when that failed; nothing has changed then
   */
  commit(work: () => void): void {
    try {
      this.#root.transactionSync(work);
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (typeof code !== 'number') throw error;
      if (code === MDB_PANIC) this.#reopen();
      throw new RazielError('STORAGE_FULL', `the storage takes no more: ${this.#reasonOf(error as Error)}`);
    }
  }

  /** What is there at this moment, for as long as it is not released; commits go on, and the file grows by what they replace. */
  snapshot(): Snapshot {
    return new Snapshot(this.#root, { meta: this.#meta, state: this.#state, drivers: this.#drivers, log: this.#log });
  }

  async close(): Promise<void> {
    await this.#root.close();
  }

  #open(): void {
    this.#root = open<Uint8Array, string>({
      path: this.#path,
      noSubdir: true,
      // A commit returns when it is on disk, and not before.
      overlappingSync: false,
      mapSize: this.#bytesMax,
      remapChunks: false,
      maxDbs: 8,
      encoding: 'binary',
      cache: false,
      eventTurnBatching: false,
    });
    this.#meta = this.#root.openDB<Uint8Array, string>({ name: 'meta', encoding: 'binary', cache: false });
    this.#state = this.#root.openDB<Uint8Array, string>({ name: 'state', encoding: 'binary', cache: false });
    this.#drivers = this.#root.openDB<Uint8Array, number>({
      name: 'drivers',
      keyEncoding: 'uint32',
      encoding: 'binary',
      cache: false,
    });
    this.#log = this.#root.openDB<Uint8Array, number>({ name: 'log', encoding: 'binary', cache: false });
    if (this.#meta.get(FORMAT_KEY) === undefined) this.commit(() => writeFormat(this.#meta));
  }

  #reopen(): void {
    void this.#root.close();
    this.#open();
  }

  #reasonOf(error: Error): string {
    try {
      const { bavail, bsize } = statfsSync(this.directory);
      return `${error.message} (${Math.floor((bavail * bsize) / 1024 ** 2)} MiB free in ${this.directory})`;
    } catch {
      return error.message;
    }
  }
}
