// The batches of fixes that were acknowledged as durable since their drivers' blocks were stored: a commit of a few hundred kilobytes, where
// the blocks of so many drivers would be megabytes. What a round of blocks (stored-drivers.ts) covers goes with its last commit.
//
// An entry is a commit's batches in the order in which they were applied, as MessagePack `[[atMs, batch], …]`, sealed; keys rise.

import * as lmdb from 'lmdb';
import { packMessage, unpackMessage } from '../protocol/codec.ts';
import { seal, unseal } from './envelope.ts';
import type { Environment } from './environment.ts';
import type { AppliedBatch } from './messages.ts';

export class AppliedLog {
  readonly #environment: Environment;
  /** No entry has a lower key. */
  #first = 1;
  #next = 1;
  /** Entries below are covered by the round under way. */
  #covered = 1;
  #isCleared = false;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  get isEmpty(): boolean {
    return this.#first === this.#next;
  }

  /** What is logged by now will have been stored by the round that begins. */
  beginRound(): void {
    this.#covered = this.#next;
  }

  /** Inside a transaction, to be followed by `committed` or `failed`. */
  append(batches: readonly AppliedBatch[]): void {
    const key = this.#next++;
    const entry = packMessage(batches.map(({ batch, atMs }) => [atMs, batch]));
    this.#environment.log.putSync(key, seal(sealOf(key), entry));
  }

  /** Inside the last transaction of a round. */
  clear(): void {
    for (let key = this.#first; key < this.#covered; key++) this.#environment.log.removeSync(key);
    this.#isCleared = true;
  }

  committed(): void {
    if (this.#isCleared) this.#first = this.#covered;
    this.#isCleared = false;
  }

  failed(): void {
    this.#isCleared = false;
  }

  /** All entries, the oldest first. */
  *load(): Generator<readonly AppliedBatch[]> {
    let isFirst = true;
    for (const { key, value } of this.#environment.log.getRange()) {
      if (isFirst) this.#first = key;
      isFirst = false;
      this.#next = key + 1;
      // It was looked at before the file was opened (check-data.ts).
      const batches = unpackMessage(unseal(sealOf(key), value) as Uint8Array) as [number, Uint8Array][];
      yield batches.map(([atMs, batch]) => ({ atMs, batch }));
    }
  }
}

/** LMDB's own reading of a key, which its types lack. */
const { bufferToKeyValue } = lmdb as unknown as { readonly bufferToKeyValue: (bytes: Uint8Array) => unknown };

/** The key of an entry by its bytes in the file. */
export function entryKey(bytes: Uint8Array): number {
  return Number(bufferToKeyValue(bytes));
}

/** Whether an entry is what was written, by the bytes of its key in the file and its sealed value. */
export function isEntry(key: Uint8Array, sealed: Uint8Array): boolean {
  return unseal(sealOf(entryKey(key)), sealed) !== undefined;
}

/** What an entry is sealed under. */
const sealOf = (key: number): string => `log/${key}`;
