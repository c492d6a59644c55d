// What other threads and the storage thread tell each other.

import type { MessagePort } from 'node:worker_threads';
import type { RestoreCounts } from '../drivers/journal.ts';
import type { ErrorCode } from '../errors.ts';
import type { Spooled } from './backup/spool.ts';

export interface StateChange {
  /** 1 to STATE_KEY_BYTES_MAX bytes; begins with the name of whoever it belongs to: `zones/boroughs`. */
  readonly key: string;
  /** Undefined removes the key. */
  readonly value: Uint8Array | undefined;
}

/** Fixes that were applied, as they came. */
export interface AppliedBatch {
  /** A MessagePack array of fixes. */
  readonly batch: Uint8Array;
  /** The clock when they were applied. */
  readonly atMs: number;
}

/** Over a port of StorageThread.connect(): each request has a number and gets one answer. */
export type StorageTask =
  | { readonly kind: 'get'; readonly key: string }
  | { readonly kind: 'entries'; readonly prefix: string }
  /** Without changes and batches: wait until all that was applied before is on disk. */
  | { readonly kind: 'write'; readonly changes: readonly StateChange[]; readonly applied: readonly AppliedBatch[] }
  /** A backup of all that was applied before, in a file that the asker removes. */
  | { readonly kind: 'backup' };

export type StorageRequest = StorageTask & { readonly request: number };

export type StorageAnswer =
  | {
      readonly request: number;
      readonly entries: readonly (readonly [string, Uint8Array])[];
      readonly spooled?: Spooled;
    }
  | { readonly request: number; readonly code: ErrorCode; readonly message: string };

/** What the storage thread tells the main thread: first whether it could open the directory, then that drivers are loaded. */
export type FromStorageThread = { readonly opened: true } | { readonly refused: string } | { readonly loaded: true };

/** What the main thread tells the storage thread. */
export type ToStorageThread = { readonly connect: MessagePort } | { readonly stop: true };

/** Drained blocks, as a DrainBuffer has them. */
export interface JournalSlice {
  readonly bytes: Uint8Array;
  readonly blocks: Uint32Array;
}

/** To the thread of an engine whose journal the storage thread cannot reach. One at a time but for `mark`, which is not answered. */
export type ToJournalHost =
  | { readonly drain: number }
  | { readonly mark: Uint32Array }
  | { readonly beginRestore: number }
  | { readonly restore: readonly (readonly [number, Uint8Array])[]; readonly nowMs: number }
  | { readonly endRestore: true }
  | { readonly replay: readonly AppliedBatch[] };

export interface FromJournalHost {
  readonly slices?: readonly JournalSlice[];
  readonly counts?: RestoreCounts;
  /** Drivers that a replay added. */
  readonly added?: number;
}
