// What other threads and the storage thread tell each other, over one MessagePort for each thread: reads, writes, and waits for what was
// applied before to be on disk. Each request has a number and gets one answer.

import type { ErrorCode } from '../errors.ts';

export interface StateChange {
  /** 1 to STATE_KEY_BYTES_MAX bytes; begins with the name of whoever it belongs to: `zones/boroughs`. */
  readonly key: string;
  /** Undefined removes the key. */
  readonly value: Uint8Array | undefined;
}

export type StorageTask =
  | { readonly kind: 'get'; readonly key: string }
  | { readonly kind: 'entries'; readonly prefix: string }
  | { readonly kind: 'write'; readonly changes: readonly StateChange[] };

export type StorageRequest = StorageTask & { readonly request: number };

export type StorageAnswer =
  | { readonly request: number; readonly entries: readonly (readonly [string, Uint8Array])[] }
  | { readonly request: number; readonly code: ErrorCode; readonly message: string };

/** What the storage thread tells the main thread. */
export type FromStorageThread = { readonly opened: true } | { readonly refused: string } | { readonly stopped: true };

/** What the main thread tells the storage thread. */
export type ToStorageThread = { readonly connect: import('node:worker_threads').MessagePort } | { readonly stop: true };
