// A serving thread's way to wait until what it has applied is on disk.
//
// All that wait at one time wait for one commit: those that come while one is awaited share the next.

import type { MessagePort } from 'node:worker_threads';
import type { AppliedBatch } from './messages.ts';
import type { Spooled } from './backup/spool.ts';
import { openState, type StoredState } from './state.ts';

interface Group {
  readonly applied: AppliedBatch[];
  /** Somebody waits for all that was applied. */
  isWhole: boolean;
  readonly done: Promise<void>;
}

export class DurableCommits {
  readonly #state: StoredState;
  #current: Promise<void> | undefined;
  #next: Group | undefined;

  /** @param port of StorageThread.connect() */
  constructor(port: MessagePort) {
    this.#state = openState(port);
  }

  /**
   * Resolves when the batch, which was applied at that moment, is committed and synced; for an empty one, when all that was applied before is.
   * Rejects with RazielError STORAGE_FULL when it could not be. The bytes may be used again once it returns.
   */
  committed(batch: Uint8Array, atMs: number): Promise<void> {
    const isWhole = isEmptyList(batch);
    // A copy that has a buffer of its own: of a view all that is behind it would be sent.
    const applied = isWhole ? [] : [{ batch: new Uint8Array(batch), atMs }];
    if (this.#current === undefined) return this.#begin(applied);
    this.#next ??= this.#after(this.#current);
    this.#next.isWhole ||= isWhole;
    this.#next.applied.push(...applied);
    return this.#next.done;
  }

  /** As StoredState.backup. */
  backup(): Promise<Spooled> {
    return this.#state.backup();
  }

  close(): void {
    this.#state.close();
  }

  #after(current: Promise<void>): Group {
    const begin = (): Promise<void> => {
      this.#next = undefined;
      return this.#begin(group.isWhole ? [] : group.applied);
    };
    const group: Group = { applied: [], isWhole: false, done: current.then(begin, begin) };
    return group;
  }

  #begin(applied: readonly AppliedBatch[]): Promise<void> {
    const current = this.#state.write([], applied).finally(() => {
      if (this.#current === current) this.#current = undefined;
    });
    this.#current = current;
    return current;
  }
}

/** Of MessagePack, with a length of no, two or four bytes. */
function isEmptyList(list: Uint8Array): boolean {
  const lengthBytes = list[0] === 0xdc ? 2 : list[0] === 0xdd ? 4 : 0;
  if (lengthBytes === 0) return list[0] === 0x90;
  return list.subarray(1, 1 + lengthBytes).every((byte) => byte === 0);
}
