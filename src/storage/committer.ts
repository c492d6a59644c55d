// Group commit: what is asked for while a commit is on its way to disk is done together in the next one. Runs on the storage thread,
// which a commit blocks until it is synced.

import { RazielError } from '../errors.ts';
import type { Environment } from './environment.ts';
import { seal } from './envelope.ts';
import type { StateChange } from './messages.ts';

interface Waiting {
  readonly changes: readonly StateChange[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Committer {
  readonly #environment: Environment;
  #waiting: Waiting[] = [];
  #isScheduled = false;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** Resolves when the changes are on disk. Rejects with RazielError STORAGE_FULL, and then none of them is. */
  write(changes: readonly StateChange[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ changes, resolve, reject });
      if (this.#isScheduled) return;
      this.#isScheduled = true;
      // After all messages that have come by now.
      setImmediate(() => this.cycle());
    });
  }

  /** Commits what waits. */
  cycle(): void {
    this.#isScheduled = false;
    const group = this.#waiting;
    this.#waiting = [];
    if (group.length === 0) return;
    try {
      this.#commit(group);
      for (const { resolve } of group) resolve();
    } catch {
      // One that is too large must not take the others with it.
      for (const one of group) this.#commitAlone(one);
    }
  }

  #commitAlone(one: Waiting): void {
    try {
      this.#commit([one]);
      one.resolve();
    } catch (error) {
      one.reject(error instanceof RazielError ? error : new RazielError('INTERNAL', String(error)));
    }
  }

  #commit(group: readonly Waiting[]): void {
    const { state } = this.#environment;
    this.#environment.commit(() => {
      for (const { changes } of group) {
        for (const { key, value } of changes) {
          if (value === undefined) state.removeSync(key);
          else state.putSync(key, seal(key, value));
        }
      }
    });
  }
}
