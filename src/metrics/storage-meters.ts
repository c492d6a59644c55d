// What the storage thread counts, in shared memory, so that any serving thread can answer /metrics and /readyz.

/** What becomes of what is to be stored: `memory` without a data directory, `full` while commits fail. */
export const STORAGE_STATES = ['memory', 'starting', 'ok', 'full'] as const;
export type StorageState = (typeof STORAGE_STATES)[number];

/** Upper bounds of the histogram of commits, in seconds. */
export const COMMIT_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10] as const;

const SINGLES = [
  'state',
  /** When the first change happened, at the earliest, that is not on disk; 0 when everything is. Milliseconds. */
  'behindSinceMs',
  'blocks',
  'changes',
  'commitSeconds',
  'failures',
  'fileBytes',
  'loadedDrivers',
  'expiredDrivers',
  'damagedDrivers',
  'refusedDrivers',
  'loadSeconds',
] as const;
export type StorageSingle = (typeof SINGLES)[number];

const BUCKETS_AT = SINGLES.length;
const SLOTS = BUCKETS_AT + COMMIT_SECONDS.length + 1;

export class StorageMeters {
  readonly shared: SharedArrayBuffer;
  readonly #slots: Float64Array;

  constructor(shared = new SharedArrayBuffer(SLOTS * 8)) {
    this.shared = shared;
    this.#slots = new Float64Array(shared);
  }

  get state(): StorageState {
    return STORAGE_STATES[this.single('state')] as StorageState;
  }

  set state(state: StorageState) {
    this.set('state', STORAGE_STATES.indexOf(state));
  }

  single(name: StorageSingle): number {
    return this.#slots[SINGLES.indexOf(name)] as number;
  }

  set(name: StorageSingle, value: number): void {
    this.#slots[SINGLES.indexOf(name)] = value;
  }

  add(name: StorageSingle, n: number): void {
    this.set(name, this.single(name) + n);
  }

  /** A commit was synced. */
  commit(seconds: number): void {
    let bucket = 0;
    while (bucket < COMMIT_SECONDS.length && seconds > (COMMIT_SECONDS[bucket] as number)) bucket++;
    this.#slots[BUCKETS_AT + bucket] = (this.#slots[BUCKETS_AT + bucket] as number) + 1;
    this.add('commitSeconds', seconds);
  }

  /** Commits by bucket of COMMIT_SECONDS, not cumulative, the last for what took longer. */
  buckets(): number[] {
    return Array.from(this.#slots.subarray(BUCKETS_AT));
  }
}
