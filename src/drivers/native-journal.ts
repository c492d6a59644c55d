// The native engine's journal, for the thread that stores.

import type { DrainBuffer, DriverJournal, RestoreCounts } from './journal.ts';
import { loadNative } from './native.ts';

/** native/src/journal_addon.cc documents each call. */
interface AddonJournal {
  start(): void;
  hasChanges(): boolean;
  rewind(): void;
  drain(out: Uint8Array, blocks: Uint32Array, sequence: number): number;
  mark(blocks: Uint32Array): void;
  beginRestore(blocks: number): void;
  restore(block: number, bytes: Uint8Array, nowMs: number): void;
  endRestore(): Uint32Array;
  replay(batch: Uint8Array, appliedAtMs: number): number;
  close(): void;
}

interface JournalAddon {
  Journal: new (handle: number) => AddonJournal;
}

/** @throws Error when no thread holds the engine of this handle any more */
export function openNativeJournal(handle: number): DriverJournal {
  const native = loadNative();
  if (!native.ok) throw new Error(`the native engine cannot be loaded: ${native.reason}`);
  return new NativeJournal(new (native.addon as unknown as JournalAddon).Journal(handle));
}

class NativeJournal implements DriverJournal {
  readonly #addon: AddonJournal;

  constructor(addon: AddonJournal) {
    this.#addon = addon;
  }

  start(): void {
    this.#addon.start();
  }

  hasChanges(): boolean {
    return this.#addon.hasChanges();
  }

  rewind(): void {
    this.#addon.rewind();
  }

  drain({ bytes, blocks }: DrainBuffer, sequence: number): { count: number; done: boolean } {
    const result = this.#addon.drain(bytes, blocks, sequence);
    return result < 0 ? { count: -1 - result, done: true } : { count: result, done: false };
  }

  mark(blocks: Uint32Array): void {
    this.#addon.mark(blocks);
  }

  beginRestore(blocks: number): void {
    this.#addon.beginRestore(blocks);
  }

  restore(block: number, bytes: Uint8Array, nowMs: number): void {
    this.#addon.restore(block, bytes, nowMs);
  }

  endRestore(): RestoreCounts {
    const [restored = 0, expired = 0, superseded = 0, refused = 0, damaged = 0] = this.#addon.endRestore();
    return { restored, expired, superseded, refused, damaged };
  }

  replay(batch: Uint8Array, appliedAtMs: number): number {
    return this.#addon.replay(batch, appliedAtMs);
  }

  close(): void {
    this.#addon.close();
  }
}
