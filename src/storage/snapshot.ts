// A data directory at one moment, read by the thread that goes on committing to it: LMDB keeps the pages of a read transaction.

import type { Database, RootDatabase, Transaction } from 'lmdb';
import type { DATABASES } from './databases.ts';

type Databases = {
  readonly [name in (typeof DATABASES)[number]]: Database<Uint8Array, string> | Database<Uint8Array, number>;
};

export interface SnapshotEntry {
  readonly database: (typeof DATABASES)[number];
  /** As a backup has it (backup/format.ts). */
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Keys that are read at once: no cursor is open between two entries, when the thread may commit. */
const KEYS = 256;

export class Snapshot {
  readonly #databases: Databases;
  readonly #transaction: Transaction;

  constructor(root: RootDatabase<Uint8Array, string>, databases: Databases) {
    this.#databases = databases;
    this.#transaction = root.useReadTransaction();
  }

  *entries(): Generator<SnapshotEntry> {
    const transaction = this.#transaction;
    for (const [name, any] of Object.entries(this.#databases)) {
      const database = name as (typeof DATABASES)[number];
      const entries = any as Database<Uint8Array, string | number>;
      let start: string | number | undefined;
      for (;;) {
        const range = start === undefined ? {} : { start, exclusiveStart: true };
        const keys = [...entries.getKeys({ ...range, limit: KEYS, transaction })];
        for (const key of keys) {
          const value = entries.get(key, { transaction }) as Uint8Array;
          yield { database, key: encodeKey(database, key), value };
        }
        start = keys.at(-1);
        if (start === undefined) break;
      }
    }
  }

  release(): void {
    this.#transaction.done();
  }
}

function encodeKey(database: string, key: string | number): Uint8Array {
  if (typeof key === 'string') return Buffer.from(key);
  const bytes = Buffer.alloc(database === 'drivers' ? 4 : 8);
  if (database === 'drivers') bytes.writeUInt32LE(key);
  else bytes.writeDoubleLE(key);
  return bytes;
}
