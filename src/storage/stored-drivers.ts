// The drivers in the data directory: what has changed goes in with each commit, and comes back at the start.
//
// Beside the blocks stands a ledger, written with every commit: how many blocks there are and the sum of their checksums. A file that lost
// blocks, or brought old ones back, does not agree with it, however whole each block is.

import type { Database } from 'lmdb';
import type { RestoreCounts } from '../drivers/journal.ts';
import type { DriverSource } from './driver-source.ts';
import type { Environment } from './environment.ts';
import { seal, unseal } from './envelope.ts';

const LEDGER_KEY = 'drivers';
const LEDGER_BYTES = 16;
/** Blocks that are restored in one go. */
const RESTORE_BLOCKS = 512;

export interface Loaded extends RestoreCounts {
  readonly blocks: number;
  /** False when blocks are missing or old although each is whole. */
  readonly agrees: boolean;
}

export class StoredDrivers {
  readonly #environment: Environment;
  readonly #source: DriverSource;
  /** The checksum of each block's header. */
  readonly #checksums = new Map<number, number>();
  /** Of the transaction under way: undefined for a block that goes. */
  #changes = new Map<number, number | undefined>();
  #sequence = 1;

  constructor(environment: Environment, source: DriverSource) {
    this.#environment = environment;
    this.#source = source;
  }

  get blocks(): number {
    return this.#checksums.size;
  }

  hasChanges(): boolean {
    return this.#source.hasChanges();
  }

  /** To be awaited before `write`. */
  prepare(): Promise<void> {
    return this.#source.prepare(this.#sequence);
  }

  /** Inside a transaction: writes the blocks that have changed, and returns how many. To be followed by `committed` or `failed`. */
  write(): number {
    const { drivers } = this.#environment;
    this.#source.drain((block, bytes) => {
      if (bytes.length === 0) {
        if (this.#checksums.has(block)) drivers.removeSync(block);
      } else {
        drivers.putSync(block, bytes);
      }
      this.#changes.set(block, bytes.length === 0 ? undefined : checksumOf(bytes));
    });
    if (this.#changes.size > 0) this.#writeLedger();
    return this.#changes.size;
  }

  committed(): void {
    for (const [block, checksum] of this.#changes) {
      if (checksum === undefined) this.#checksums.delete(block);
      else this.#checksums.set(block, checksum);
    }
    this.#sequence += this.#changes.size;
    this.#changes.clear();
  }

  /** Nothing of it is on disk: all of it is to be written again. */
  failed(): void {
    if (this.#changes.size > 0) this.#source.mark(Uint32Array.from(this.#changes.keys()));
    this.#sequence += this.#changes.size;
    this.#changes.clear();
  }

  /** Puts the stored drivers back into an engine without any. */
  async load(nowMs: number, onProgress: (share: number) => void): Promise<Loaded> {
    const { drivers } = this.#environment;
    const order: { block: number; sequence: number }[] = [];
    let end = 0;
    for (const { key: block, value } of drivers.getRange()) {
      this.#checksums.set(block, value.length < LEDGER_BYTES ? 0 : checksumOf(value));
      const sequence = value.length < LEDGER_BYTES ? 0 : viewOf(value).getFloat64(8, true);
      order.push({ block, sequence: Number.isFinite(sequence) ? sequence : 0 });
      end = Math.max(end, block + 1);
    }
    order.sort((a, b) => b.sequence - a.sequence);
    const ledger = this.#readLedger();
    this.#sequence = Math.max(order[0]?.sequence ?? 0, ledger.sequence) + 1;
    await this.#source.beginRestore(end);
    for (let from = 0; from < order.length; from += RESTORE_BLOCKS) {
      const entries = order
        .slice(from, from + RESTORE_BLOCKS)
        .map(({ block }) => [block, drivers.get(block) as Uint8Array] as const);
      await this.#source.restore(entries, nowMs);
      // The threads that start meanwhile ask for ids and zones, and must not wait for the last driver.
      await new Promise((resolve) => setImmediate(resolve));
      onProgress(Math.min(1, (from + RESTORE_BLOCKS) / order.length));
    }
    const counts = await this.#source.endRestore();
    return { ...counts, blocks: order.length, agrees: ledger.count === order.length && ledger.sum === this.#sum() };
  }

  close(): void {
    this.#source.close();
  }

  #writeLedger(): void {
    let count = this.#checksums.size;
    let sum = this.#sum();
    for (const [block, checksum] of this.#changes) {
      const before = this.#checksums.get(block);
      if (before !== undefined) count--;
      if (checksum !== undefined) count++;
      sum = (sum - (before ?? 0) + (checksum ?? 0)) >>> 0;
    }
    this.#environment.meta.putSync(
      LEDGER_KEY,
      seal(LEDGER_KEY, encodeLedger(count, sum, this.#sequence + this.#changes.size)),
    );
  }

  #readLedger(): { count: number; sum: number; sequence: number } {
    return readLedger(this.#environment.meta);
  }

  #sum(): number {
    let sum = 0;
    for (const checksum of this.#checksums.values()) sum = (sum + checksum) >>> 0;
    return sum;
  }
}

function encodeLedger(count: number, sum: number, sequence: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(LEDGER_BYTES));
  view.setUint32(0, count, true);
  view.setUint32(4, sum, true);
  view.setFloat64(8, sequence, true);
  return new Uint8Array(view.buffer);
}

/** What the last commit said of the blocks; counts that no blocks agree with when it is damaged. */
function readLedger(meta: Database<Uint8Array, string>): { count: number; sum: number; sequence: number } {
  const sealed = meta.get(LEDGER_KEY);
  if (sealed === undefined) return { count: 0, sum: 0, sequence: 0 };
  const bytes = unseal(LEDGER_KEY, sealed);
  if (bytes?.length !== LEDGER_BYTES) return { count: -1, sum: 0, sequence: 0 };
  const view = viewOf(bytes);
  return { count: view.getUint32(0, true), sum: view.getUint32(4, true), sequence: view.getFloat64(8, true) };
}

/** Of the header, which has those of nothing else in it; the records have their own. */
function checksumOf(block: Uint8Array): number {
  return viewOf(block).getUint32(0, true);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
