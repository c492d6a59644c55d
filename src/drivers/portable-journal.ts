// The portable engine's journal: the numbers of changed blocks, in a set.

import { BLOCK_BYTES_MAX, BLOCK_DRIVERS, type DrainBuffer, type DriverJournal, type RestoreCounts } from './journal.ts';
import type { DriverRecord } from './record.ts';
import { readBlock, writeBlock } from './stored-block.ts';

/** The engine, as far as the journal needs it. */
export interface SlottedDrivers {
  /** The driver that has a slot. */
  recordAt(slot: number): DriverRecord | undefined;
  /** Takes the slots below `end`, none of which is used. */
  takeSlotsBelow(end: number): void;
  /** Puts a stored driver into its slot. */
  restore(slot: number, record: DriverRecord, nowMs: number): Exclude<keyof RestoreCounts, 'damaged'>;
  /** Gives the slots below `end` that stayed empty to new drivers. */
  giveSlotsBelow(end: number): void;
  /** Applies a batch; returns how many drivers are held more. */
  replay(batch: Uint8Array, appliedAtMs: number): number;
}

export class PortableJournal implements DriverJournal {
  readonly #drivers: SlottedDrivers;
  #changed: Set<number> | undefined;
  #slotsTaken = 0;
  #counts = { restored: 0, expired: 0, superseded: 0, refused: 0, damaged: 0 };

  constructor(drivers: SlottedDrivers) {
    this.#drivers = drivers;
  }

  start(): void {
    this.#changed ??= new Set();
  }

  /** What is in a slot has changed. */
  note(slot: number): void {
    this.#changed?.add(Math.floor(slot / BLOCK_DRIVERS));
  }

  hasChanges(): boolean {
    return (this.#changed?.size ?? 0) > 0;
  }

  rewind(): void {
    // A set has no place to go on from: each drain takes what is there.
  }

  drain({ bytes, blocks }: DrainBuffer, sequence: number): { count: number; done: boolean } {
    let count = 0;
    let at = 0;
    for (const block of this.#changed ?? []) {
      if (bytes.length - at < BLOCK_BYTES_MAX || 2 * count === blocks.length) return { count, done: false };
      this.#changed?.delete(block);
      const records = Array.from({ length: BLOCK_DRIVERS }, (_, i) =>
        this.#drivers.recordAt(block * BLOCK_DRIVERS + i),
      );
      at = writeBlock(block, sequence + count, records, bytes, at);
      blocks[2 * count] = block;
      blocks[2 * count + 1] = at;
      count++;
    }
    return { count, done: true };
  }

  mark(blocks: Uint32Array): void {
    for (const block of blocks) this.#changed?.add(block);
  }

  beginRestore(blocks: number): void {
    this.#slotsTaken = blocks * BLOCK_DRIVERS;
    this.#drivers.takeSlotsBelow(this.#slotsTaken);
  }

  restore(block: number, bytes: Uint8Array, nowMs: number): void {
    const stored = readBlock(block, bytes);
    const counts = this.#counts;
    let differs = stored === undefined || stored.damaged > 0;
    counts.damaged += stored?.damaged ?? 1;
    for (const { slot, fix } of stored?.drivers ?? []) {
      const outcome = this.#drivers.restore(slot, fix, nowMs);
      counts[outcome]++;
      differs ||= outcome !== 'restored';
    }
    if (differs) this.#changed?.add(block);
  }

  endRestore(): RestoreCounts {
    this.#drivers.giveSlotsBelow(this.#slotsTaken);
    return this.#counts;
  }

  replay(batch: Uint8Array, appliedAtMs: number): number {
    return this.#drivers.replay(batch, appliedAtMs);
  }

  close(): void {
    this.#changed = undefined;
  }
}
