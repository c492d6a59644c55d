// The engine's journal as the storage thread uses it, wherever the engine is: the native one is at hand on this thread, the portable one lives
// on the main thread and is asked by messages.

import type { MessagePort } from 'node:worker_threads';
import { createDrainBuffer, type DriverJournal, type RestoreCounts } from '../drivers/journal.ts';
import type { AppliedBatch, FromJournalHost, JournalSlice, ToJournalHost } from './messages.ts';

/** Bytes and blocks of one slice: some ten thousand drivers. */
const SLICE_BYTES = 2 * 1024 * 1024;
const SLICE_BLOCKS = 1_024;

export interface DriverSource {
  hasChanges(): boolean;
  /** To be awaited before `drain`; the blocks get sequences from this one on. */
  prepare(sequence: number): Promise<void>;
  /** Whether `drain` can do a part at a time. */
  readonly isSliced: boolean;
  /** The next `drain` begins anew. */
  rewind(): void;
  /**
   * Visits what has changed, going on from the last call, until so many blocks were visited, or somewhat more; true when that was all. The bytes are
   * valid during the visit, none for a block without drivers.
   */
  drain(visit: (block: number, bytes: Uint8Array) => void, blocksMax: number): boolean;
  /** These could not be stored. */
  mark(blocks: Uint32Array): void;
  beginRestore(blocks: number): Promise<void>;
  /** Blocks of higher sequences first. */
  restore(entries: readonly (readonly [block: number, bytes: Uint8Array])[], nowMs: number): Promise<void>;
  endRestore(): Promise<RestoreCounts>;
  /** Applies batches once more, in their order; resolves to how many drivers are held more than before. */
  replay(batches: readonly AppliedBatch[]): Promise<number>;
  close(): void;
}

export class LocalSource implements DriverSource {
  readonly isSliced = true;
  readonly #journal: DriverJournal;
  readonly #buffer = createDrainBuffer(SLICE_BYTES, SLICE_BLOCKS);
  #sequence = 0;

  constructor(journal: DriverJournal) {
    this.#journal = journal;
  }

  hasChanges(): boolean {
    return this.#journal.hasChanges();
  }

  async prepare(sequence: number): Promise<void> {
    this.#sequence = sequence;
  }

  rewind(): void {
    this.#journal.rewind();
  }

  drain(visit: (block: number, bytes: Uint8Array) => void, blocksMax: number): boolean {
    for (let visited = 0; visited < blocksMax; ) {
      const { bytes, blocks } = this.#buffer;
      const room = blocks.subarray(0, 2 * Math.min(blocksMax - visited, SLICE_BLOCKS));
      const { count, done } = this.#journal.drain({ bytes, blocks: room }, this.#sequence);
      this.#sequence += count;
      visited += count;
      visitSlice({ bytes, blocks: room.subarray(0, 2 * count) }, visit);
      if (done) return true;
    }
    return false;
  }

  mark(blocks: Uint32Array): void {
    this.#journal.mark(blocks);
  }

  async beginRestore(blocks: number): Promise<void> {
    this.#journal.start();
    this.#journal.beginRestore(blocks);
  }

  async restore(entries: readonly (readonly [number, Uint8Array])[], nowMs: number): Promise<void> {
    for (const [block, bytes] of entries) this.#journal.restore(block, bytes, nowMs);
  }

  async endRestore(): Promise<RestoreCounts> {
    return this.#journal.endRestore();
  }

  async replay(batches: readonly AppliedBatch[]): Promise<number> {
    return batches.reduce((added, { batch, atMs }) => added + this.#journal.replay(batch, atMs), 0);
  }

  close(): void {
    this.#journal.close();
  }
}

/** The other side is journal-host.ts. */
export class RemoteSource implements DriverSource {
  readonly isSliced = false;
  readonly #port: MessagePort;
  #slices: JournalSlice[] = [];
  #answer: ((message: FromJournalHost) => void) | undefined;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (message: FromJournalHost) => this.#answer?.(message));
    port.unref();
  }

  /** Of what was prepared: only the other side knows more. */
  hasChanges(): boolean {
    return this.#slices.length > 0;
  }

  async prepare(sequence: number): Promise<void> {
    const { slices } = await this.#ask({ drain: sequence });
    this.#slices.push(...(slices ?? []));
  }

  rewind(): void {
    // Each `prepare` asks for all that has changed.
  }

  drain(visit: (block: number, bytes: Uint8Array) => void): boolean {
    for (const slice of this.#slices.splice(0)) visitSlice(slice, visit);
    return true;
  }

  mark(blocks: Uint32Array): void {
    this.#port.postMessage({ mark: blocks } satisfies ToJournalHost);
  }

  async beginRestore(blocks: number): Promise<void> {
    await this.#ask({ beginRestore: blocks });
  }

  async restore(entries: readonly (readonly [number, Uint8Array])[], nowMs: number): Promise<void> {
    await this.#ask({ restore: entries, nowMs });
  }

  async endRestore(): Promise<RestoreCounts> {
    const { counts } = await this.#ask({ endRestore: true });
    return counts as RestoreCounts;
  }

  async replay(batches: readonly AppliedBatch[]): Promise<number> {
    const { added = 0 } = await this.#ask({ replay: batches });
    return added;
  }

  close(): void {
    this.#port.close();
  }

  /** One at a time. */
  #ask(message: ToJournalHost): Promise<FromJournalHost> {
    return new Promise((resolve) => {
      this.#answer = resolve;
      this.#port.postMessage(message);
    });
  }
}

function visitSlice({ bytes, blocks }: JournalSlice, visit: (block: number, bytes: Uint8Array) => void): void {
  let start = 0;
  for (let i = 0; i < blocks.length; i += 2) {
    const end = blocks[i + 1] as number;
    visit(blocks[i] as number, bytes.subarray(start, end));
    start = end;
  }
}
