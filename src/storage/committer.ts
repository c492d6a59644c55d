// Group commit: what is asked for while a commit is on its way to disk is done together in the next one. Without anybody asking, changed drivers
// are committed a few times a second, in rounds of several commits, so that whoever waits for one waits for a slice of a round at most. Runs
// on the storage thread, which a commit blocks until it is synced.

import { RazielError } from '../errors.ts';
import type { StorageMeters } from '../metrics/storage-meters.ts';
import type { Environment } from './environment.ts';
import { seal } from './envelope.ts';
import type { AppliedBatch, StateChange } from './messages.ts';
import type { StoredDrivers } from './stored-drivers.ts';

/** Between commits that nobody waits for: at least this, and longer where they take long, so that they take little of a busy machine. */
const PAUSE_MS_MIN = 200;
const PAUSE_MS_MAX = 500;
const PAUSE_PER_COMMIT = 4;
/** Of one commit of a round: some milliseconds. */
const SLICE_BLOCKS = 256;
/** More batches than this for one commit are not logged: the drivers' blocks are stored at once. */
const LOGGED_BYTES_MAX = 8 * 1024 * 1024;
/** While commits fail. */
const RETRY_MS = 500;

interface Waiting {
  readonly changes: readonly StateChange[];
  readonly applied: readonly AppliedBatch[];
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
  #isStopping = false;
  /** A round is to begin with the next cycle. */
  #isRoundDue = false;
  /** Of the round under way: as nowMs and as performance.now() have it. */
  #roundBegan = { atMs: 0, at: 0 };
  /** When the last round that ended began. */
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
   * Resolves when the changes, and the batches, which are applied already, are on disk; without any, when all that was applied to drivers before
   * this call is. Rejects with RazielError STORAGE_FULL when they could not be written; none of the changes is made then.
   */
  write(changes: readonly StateChange[], applied: readonly AppliedBatch[] = []): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ changes, applied, resolve, reject });
      this.#begin();
    });
  }

  /** Commits what there is, and no more afterwards. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    await this.write([]).catch(() => {});
    await this.#cycle;
    clearTimeout(this.#timer);
  }

  #begin(): void {
    this.#cycle ??= this.#run().finally(() => {
      this.#cycle = undefined;
      if (this.#waiting.length > 0 || (this.#options.drivers.isInRound && !this.#isStopping)) this.#begin();
    });
  }

  #pause(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#isRoundDue = true;
      this.#begin();
    }, ms);
  }

  async #run(): Promise<void> {
    // After all messages that have come by now.
    await new Promise((resolve) => setImmediate(resolve));
    const { drivers } = this.#options;
    const group = this.#waiting;
    this.#waiting = [];
    if (this.#isStarted) await drivers.prepare();
    const isWhole = this.#isStarted && this.#beginRound(group);
    try {
      this.#commit(group, isWhole);
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
    if (this.#isStarted) this.#endRound();
  }

  /** Begins a round when one is due or somebody waits for one; true when all of it must be in this commit. */
  #beginRound(group: readonly Waiting[]): boolean {
    const { drivers, meters, nowMs } = this.#options;
    const bytes = group.reduce((sum, one) => one.applied.reduce((size, { batch }) => size + batch.length, sum), 0);
    const isWhole =
      !drivers.isSliced ||
      meters.state === 'full' ||
      bytes > LOGGED_BYTES_MAX ||
      group.some(({ changes, applied }) => changes.length === 0 && applied.length === 0);
    if (isWhole || (this.#isRoundDue && !drivers.isInRound)) {
      if (drivers.needsRound()) drivers.beginRound();
      this.#roundBegan = { atMs: nowMs(), at: performance.now() };
      this.#isRoundDue = false;
    }
    return isWhole;
  }

  /** When the round has ended, or failed, the next one waits. */
  #endRound(): void {
    const { drivers, meters } = this.#options;
    const isFailing = meters.state === 'full';
    if (drivers.isInRound || this.#roundBegan.at === 0) return;
    const tookMs = performance.now() - this.#roundBegan.at;
    if (!isFailing) this.#cleanSinceMs = this.#roundBegan.atMs;
    this.#roundBegan.at = 0;
    this.#noteLag();
    this.#pause(isFailing ? RETRY_MS : Math.min(PAUSE_MS_MAX, Math.max(PAUSE_MS_MIN, PAUSE_PER_COMMIT * tookMs)));
  }

  #commitAlone(one: Waiting): void {
    try {
      this.#commit([{ ...one, applied: [] }], false);
      one.resolve();
    } catch (error) {
      one.reject(error);
    }
  }

  /** @param isWhole to the end of the round @throws RazielError STORAGE_FULL */
  #commit(group: readonly Waiting[], isWhole: boolean): void {
    const { environment, drivers, meters } = this.#options;
    const changes = group.flatMap((waiting) => waiting.changes);
    // A whole round has them in their drivers' blocks.
    const applied = isWhole ? [] : group.flatMap((waiting) => waiting.applied);
    if (changes.length === 0 && applied.length === 0 && !drivers.isInRound) return;
    const startedAt = performance.now();
    let blocks = 0;
    try {
      environment.commit(() => {
        for (const { key, value } of changes) {
          if (value === undefined) environment.state.removeSync(key);
          else environment.state.putSync(key, seal(key, value));
        }
        if (applied.length > 0) drivers.log(applied);
        if (drivers.isInRound) blocks = drivers.write(isWhole ? Number.POSITIVE_INFINITY : SLICE_BLOCKS);
      });
    } catch (error) {
      meters.add('failures', 1);
      drivers.failed();
      throw error;
    }
    drivers.committed();
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

  /** What is not on disk is younger than the beginning of the last round that ended. */
  #noteLag(): void {
    const { meters, drivers } = this.#options;
    meters.set('behindSinceMs', drivers.hasChanges() || meters.state === 'full' ? this.#cleanSinceMs : 0);
  }
}

/** As RazielError, for whoever waits. */
export function asStorageError(error: unknown): RazielError {
  return error instanceof RazielError ? error : new RazielError('INTERNAL', (error as Error).message);
}
