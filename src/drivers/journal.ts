// What durable storage needs of an engine: which drivers have changed since they were stored, their fixes as bytes, and the way back.
//
// Drivers are stored in blocks of 32 slots, a slot being the place that a driver has for as long as it is known. Every change marks its driver's
// block; a drain takes the marks and encodes what those blocks hold then, whole, so that a removed driver is one that its block no longer
// has. native/src/journal.h describes the bytes; stored-block.ts reads and writes them in TypeScript.
//
//   journal.start();
//   journal.rewind();
//   do { ({ count, done } = journal.drain(buffer, sequence)); … store them … } while (!done);

export const BLOCK_DRIVERS = 32;

/** Bytes that a block has at most: ids and tags as long as can be. */
export const BLOCK_BYTES_MAX = 16 + BLOCK_DRIVERS * (2 + 4 + 4 * 8 + 1 + 3 * 8 + 1 + 128 + 3 + 32 * (64 + 2));

/** Where drained blocks go. */
export interface DrainBuffer {
  /** Room for BLOCK_BYTES_MAX or more. */
  readonly bytes: Uint8Array;
  /** Of each block its number, and one past its last byte in `bytes`; a block without bytes holds no drivers any more. */
  readonly blocks: Uint32Array;
}

export function createDrainBuffer(bytes: number, blocks: number): DrainBuffer {
  return { bytes: new Uint8Array(Math.max(bytes, BLOCK_BYTES_MAX)), blocks: new Uint32Array(2 * blocks) };
}

/** What became of the drivers that were stored. */
export interface RestoreCounts {
  readonly restored: number;
  /** Past their ttl. */
  readonly expired: number;
  /** Stored again elsewhere, later. */
  readonly superseded: number;
  /** The engine had no room for them. */
  readonly refused: number;
  /** Their bytes are not what was written. */
  readonly damaged: number;
}

/** One for an engine, used by one thread. */
export interface DriverJournal {
  /** Changes are marked from now on. */
  start(): void;
  /** Whether anything is marked. */
  hasChanges(): boolean;
  /** The next drain begins anew. */
  rewind(): void;
  /**
   * Encodes marked blocks, as many as the buffer has room for, going on from the last call. The k-th of them has the sequence
   * `sequence + k`; of two blocks with one driver the one with the higher sequence is right. `done` when they were the last.
   */
  drain(into: DrainBuffer, sequence: number): { readonly count: number; readonly done: boolean };
  /** These blocks could not be stored. */
  mark(blocks: Uint32Array): void;
  /** Begins to restore into an engine without drivers; every stored block's number is below `blocks`. Nothing may be applied until endRestore. */
  beginRestore(blocks: number): void;
  /** Puts a stored block's drivers back, exactly as they were. Call it for blocks of higher sequences first. */
  restore(block: number, bytes: Uint8Array, nowMs: number): void;
  endRestore(): RestoreCounts;
  /**
   * Behind endRestore: applies a batch of fixes (a MessagePack array) once more, as of the moment at which it was applied.
   * @returns how many drivers are held more than before
   */
  replay(batch: Uint8Array, appliedAtMs: number): number;
  close(): void;
}
