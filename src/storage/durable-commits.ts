// A serving thread's way to wait until what it has applied is on disk.
//
// All that wait at one time wait for one commit: those that come while one is awaited, whose beginning may lie before what they applied,
// share the next.

import type { MessagePort } from 'node:worker_threads';
import { type DurableState, openState } from './state.ts';

export class DurableCommits {
  readonly #state: DurableState;
  #current: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** @param port of StorageThread.connect() */
  constructor(port: MessagePort) {
    this.#state = openState(port);
  }

  /** Resolves when all that was applied before this call is committed and synced. Rejects with RazielError STORAGE_FULL when it could not be. */
  committed(): Promise<void> {
    if (this.#current === undefined) return this.#begin();
    this.#next ??= this.#current.then(
      () => this.#begin(),
      () => this.#begin(),
    );
    return this.#next;
  }

  close(): void {
    this.#state.close();
  }

  #begin(): Promise<void> {
    this.#next = undefined;
    const current = this.#state.write([]).finally(() => {
      if (this.#current === current) this.#current = undefined;
    });
    this.#current = current;
    return current;
  }
}
