// The drivers in the data directory: what has changed goes in with each commit, and comes back at the start. A ledger (ledger.ts) goes with
// every commit of blocks.
//
// Blocks are written in rounds, each from the first block to the last, in as many transactions as one likes: what had changed when a round began is
// stored when it ends. Batches that must not wait for that are logged meanwhile (applied-log.ts), and applied once more at the start.

import type { RestoreCounts } from '../drivers/journal.ts';
import { AppliedLog } from './applied-log.ts';
import type { DriverSource } from './driver-source.ts';
import type { CheckedData } from './check-data.ts';
import type { Environment } from './environment.ts';
import { seal } from './envelope.ts';
import { encodeLedger, LEDGER_KEY, NO_LEDGER } from './ledger.ts';
import type { AppliedBatch } from './messages.ts';

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
  /** Of all checksums, modulo 2³². */
  #total = 0;
  readonly #log: AppliedLog;
  /** Of the transaction under way: undefined for a block that goes. */
  #changes = new Map<number, number | undefined>();
  #sequence = 1;
  #isInRound = false;
  /** The transaction under way is the last one of its round. */
  #endsRound = false;

  constructor(environment: Environment, source: DriverSource) {
    this.#environment = environment;
    this.#source = source;
    this.#log = new AppliedLog(environment);
  }

  get blocks(): number {
    return this.#checksums.size;
  }

  /** Whether a round can be written in parts, and batches can be logged before. */
  get isSliced(): boolean {
    return this.#source.isSliced;
  }

  get isInRound(): boolean {
    return this.#isInRound;
  }

  hasChanges(): boolean {
    return this.#source.hasChanges();
  }

  /** Whether a round would write anything, or remove it from the log. */
  needsRound(): boolean {
    return this.hasChanges() || !this.#log.isEmpty;
  }

  /** Begins a round, or begins the one under way anew: what has changed by now will be stored when it ends. */
  beginRound(): void {
    this.#source.rewind();
    this.#log.beginRound();
    this.#isInRound = true;
  }

  /** Inside a transaction, to be followed by `committed` or `failed`: batches that are to be on disk with it, before their drivers' blocks. */
  log(batches: readonly AppliedBatch[]): void {
    this.#log.append(batches);
  }

  /** To be awaited before `write`. */
  prepare(): Promise<void> {
    return this.#source.prepare(this.#sequence);
  }

  /** Inside a transaction of a round: writes blocks that have changed, and returns how many. To be followed by `committed` or `failed`. */
  write(blocksMax: number): number {
    const { drivers } = this.#environment;
    this.#endsRound = this.#source.drain((block, bytes) => {
      if (bytes.length === 0) {
        if (this.#checksums.has(block)) drivers.removeSync(block);
      } else {
        drivers.putSync(block, bytes);
      }
      this.#changes.set(block, bytes.length === 0 ? undefined : checksumOf(bytes));
    }, blocksMax);
    if (this.#endsRound) this.#log.clear();
    if (this.#changes.size > 0) this.#writeLedger();
    return this.#changes.size;
  }

  committed(): void {
    this.#log.committed();
    if (this.#endsRound) this.#isInRound = false;
    this.#endsRound = false;
    for (const [block, checksum] of this.#changes) {
      this.#total = (this.#total - (this.#checksums.get(block) ?? 0) + (checksum ?? 0)) >>> 0;
      if (checksum === undefined) this.#checksums.delete(block);
      else this.#checksums.set(block, checksum);
    }
    this.#sequence += this.#changes.size;
    this.#changes.clear();
  }

  /** Nothing of it is on disk: all of it is to be written again. */
  failed(): void {
    this.#log.failed();
    this.#isInRound = false;
    this.#endsRound = false;
    if (this.#changes.size > 0) this.#source.mark(Uint32Array.from(this.#changes.keys()));
    this.#sequence += this.#changes.size;
    this.#changes.clear();
  }

  /**
   * Puts the stored drivers back into an engine without any.
   * @param checked what the look at the file found; undefined for a new one
   */
  async load(checked: CheckedData | undefined, nowMs: number, onProgress: (share: number) => void): Promise<Loaded> {
    const { drivers } = this.#environment;
    const { blocks, ledger } = checked ?? { blocks: [], ledger: NO_LEDGER };
    for (const { block, checksum } of blocks) {
      this.#checksums.set(block, checksum);
      this.#total = (this.#total + checksum) >>> 0;
    }
    const order = [...blocks].sort((a, b) => b.sequence - a.sequence);
    this.#sequence = Math.max(order[0]?.sequence ?? 0, ledger.sequence) + 1;
    await this.#source.beginRestore((blocks.at(-1)?.block ?? -1) + 1);
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
    const added = await this.#replay();
    return {
      ...counts,
      restored: counts.restored + added,
      blocks: order.length,
      agrees: ledger.count === order.length && ledger.sum === this.#total,
    };
  }

  close(): void {
    this.#source.close();
  }

  #writeLedger(): void {
    let count = this.#checksums.size;
    let sum = this.#total;
    for (const [block, checksum] of this.#changes) {
      const before = this.#checksums.get(block);
      if (before !== undefined) count--;
      if (checksum !== undefined) count++;
      sum = (sum - (before ?? 0) + (checksum ?? 0)) >>> 0;
    }
    this.#environment.meta.putSync(
      LEDGER_KEY,
      seal(LEDGER_KEY, encodeLedger({ count, sum, sequence: this.#sequence + this.#changes.size })),
    );
  }

  /** Applies what is logged; the round that comes first stores it with the blocks. */
  async #replay(): Promise<number> {
    let added = 0;
    for (const batches of this.#log.load()) added += await this.#source.replay(batches);
    return added;
  }
}

/** Of the header, which has those of nothing else in it; the records have their own. */
function checksumOf(block: Uint8Array): number {
  return viewOf(block).getUint32(0, true);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
