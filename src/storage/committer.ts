// Group commit: what is asked for while a commit is on its way to disk is done together in the next one, and drivers that have changed go
// along. Without anybody asking, changed drivers are committed a few times a second. Runs on the storage thread, which a commit blocks
// until it is synced.

import { RazielError } from '../errors.ts';
import type { StorageMeters } from '../metrics/storage-meters.ts';
import type { Environment } from './environment.ts';
import { seal } from './envelope.ts';
import type { StateChange } from './messages.ts';
import type { StoredDrivers } from './stored-drivers.ts';

/** Between commits that nobody waits for: at least this, and longer where they take long, so that they take little of a busy machine. */
const PAUSE_MS_MIN = 200;
const PAUSE_MS_MAX = 500;
const PAUSE_PER_COMMIT = 4;
/** While commits fail. */
const RETRY_MS = 500;

interface Waiting {
  readonly changes: readonly StateChange[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface CommitterOptions {
  readonly environment: Environment;
  readonly drivers: StoredDrivers;
  readonly meters: StorageMeters;
  readonly nowMs: () => number;
  readonly log: (level: 'info' | 'error', message: string) => void;
}

export class Committer {
  readonly #options: CommitterOptions;
  #waiting: Waiting[] = [];
  /** The drivers are loaded: what is held is what is to be stored. */
  #isStarted = false;
  /** Ends when no commit is under way. */
  #cycle: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** When the last cycle that left nothing behind began. */
  #cleanSinceMs: number;

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#cleanSinceMs = options.nowMs();
    options.meters.set('fileBytes', options.environment.fileBytes);
  }

  /** From now on changed drivers are committed. */
  start(): void {
    this.#isStarted = true;
    this.#options.meters.state = 'ok';
    this.#pause(PAUSE_MS_MIN);
  }

  /**
   * Resolves when the changes, and all that was applied to drivers before this call, are on disk. Rejects with RazielError STORAGE_FULL when they
   * could not be written; none of the changes is made then.
   */
  write(changes: readonly StateChange[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ changes, resolve, reject });
      this.#begin();
    });
  }

  /** Commits what there is, and no more afterwards. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.write([]).catch(() => {});
    await this.#cycle;
    clearTimeout(this.#timer);
  }

  #begin(): void {
    this.#cycle ??= this.#run().finally(() => {
      this.#cycle = undefined;
      if (this.#waiting.length > 0) this.#begin();
    });
  }

  #pause(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#begin(), ms);
  }

  async #run(): Promise<void> {
    // After all messages that have come by now.
    await new Promise((resolve) => setImmediate(resolve));
    const { drivers, nowMs } = this.#options;
    const group = this.#waiting;
    this.#waiting = [];
    const beganAtMs = nowMs();
    const startedAt = performance.now();
    if (this.#isStarted) await drivers.prepare();
    try {
      this.#commit(group, this.#isStarted);
      this.#cleanSinceMs = beganAtMs;
      this.#noteState(undefined);
      for (const { resolve } of group) resolve();
    } catch (error) {
      this.#noteState(error as Error);
      // Drivers, or one that is too large, must not take the others with them.
      for (const one of group) {
        if (one.changes.length === 0) one.reject(error);
        else this.#commitAlone(one);
      }
    }
    if (!this.#isStarted) return;
    const tookMs = performance.now() - startedAt;
    this.#noteLag();
    const isFailing = this.#options.meters.state === 'full';
    this.#pause(isFailing ? RETRY_MS : Math.min(PAUSE_MS_MAX, Math.max(PAUSE_MS_MIN, PAUSE_PER_COMMIT * tookMs)));
  }

  #commitAlone(one: Waiting): void {
    try {
      this.#commit([one], false);
      one.resolve();
    } catch (error) {
      one.reject(error);
    }
  }

  /** @throws RazielError STORAGE_FULL */
  #commit(group: readonly Waiting[], withDrivers: boolean): void {
    const { environment, drivers, meters } = this.#options;
    const changes = group.flatMap((waiting) => waiting.changes);
    if (changes.length === 0 && !(withDrivers && drivers.hasChanges())) return;
    const startedAt = performance.now();
    let blocks = 0;
    try {
      environment.commit(() => {
        for (const { key, value } of changes) {
          if (value === undefined) environment.state.removeSync(key);
          else environment.state.putSync(key, seal(key, value));
        }
        if (withDrivers) blocks = drivers.write();
      });
    } catch (error) {
      meters.add('failures', 1);
      if (withDrivers) drivers.failed();
      throw error;
    }
    if (withDrivers) drivers.committed();
    meters.commit((performance.now() - startedAt) / 1000);
    meters.add('blocks', blocks);
    meters.add('changes', changes.length);
    meters.set('fileBytes', environment.fileBytes);
  }

  #noteState(error: Error | undefined): void {
    const { meters, log } = this.#options;
    if (!this.#isStarted) return;
    const state = error === undefined ? 'ok' : 'full';
    if (meters.state === state) return;
    meters.state = state;
    if (error === undefined) log('info', 'storage: commits succeed again');
    else log('error', `storage: ${error.message}; everything goes on in memory, and what is not stored is tried again`);
  }

  /** What is not on disk is younger than the last cycle that left nothing behind. */
  #noteLag(): void {
    const { meters, drivers } = this.#options;
    meters.set('behindSinceMs', drivers.hasChanges() || meters.state === 'full' ? this.#cleanSinceMs : 0);
  }
}

/** As RazielError, for whoever waits. */
export function asStorageError(error: unknown): RazielError {
  return error instanceof RazielError ? error : new RazielError('INTERNAL', (error as Error).message);
}
