// The engine's journal as the storage thread uses it, wherever the engine is: the native one is at hand on this thread, the portable one lives
// on the main thread and is asked by messages.

import type { MessagePort } from 'node:worker_threads';
import { createDrainBuffer, type DriverJournal, type RestoreCounts } from '../drivers/journal.ts';
import type { FromJournalHost, JournalSlice, ToJournalHost } from './messages.ts';

/** Bytes and blocks of one slice: some ten thousand drivers. */
const SLICE_BYTES = 2 * 1024 * 1024;
const SLICE_BLOCKS = 1_024;

export interface DriverSource {
  hasChanges(): boolean;
  /** To be awaited before `drain`; the blocks get sequences from this one on. */
  prepare(sequence: number): Promise<void>;
  /** Visits what has changed; the bytes are valid during the visit, none for a block without drivers. */
  drain(visit: (block: number, bytes: Uint8Array) => void): void;
  /** These could not be stored. */
  mark(blocks: Uint32Array): void;
  beginRestore(blocks: number): Promise<void>;
  /** Blocks of higher sequences first. */
  restore(entries: readonly (readonly [block: number, bytes: Uint8Array])[], nowMs: number): Promise<void>;
  endRestore(): Promise<RestoreCounts>;
  close(): void;
}

export class LocalSource implements DriverSource {
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

  drain(visit: (block: number, bytes: Uint8Array) => void): void {
    const { bytes, blocks } = this.#buffer;
    this.#journal.rewind();
    for (;;) {
      const { count, done } = this.#journal.drain(this.#buffer, this.#sequence);
      this.#sequence += count;
      visitSlice({ bytes, blocks: blocks.subarray(0, 2 * count) }, visit);
      if (done) return;
    }
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

  close(): void {
    this.#journal.close();
  }
}

/** The other side is journal-host.ts. */
export class RemoteSource implements DriverSource {
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

  drain(visit: (block: number, bytes: Uint8Array) => void): void {
    for (const slice of this.#slices.splice(0)) visitSlice(slice, visit);
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
