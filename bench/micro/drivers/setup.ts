// An engine with every driver of a world in it, as the micro benchmarks need it. Time is simulated: a lap, in which every driver sends
// one fix, takes four seconds of it.

import { BATCH_FIXES_MAX_DEFAULT, DRIVERS_MAX_DEFAULT, SEARCH_CANDIDATES_MAX_DEFAULT } from '#dist/limits.js';
import { type NativeEngine, openNativeEngine } from '#dist/drivers/native.js';
import { Lap } from '../../lib/rows.ts';
import { World } from '../../lib/world.ts';

export const LAP_SECONDS = 4;
const BATCH_FIXES = 100;
/** Batches between two sweeps: some tens of milliseconds, as in the server. */
const SWEEP_BATCHES = 1_000;
const START_MS = 1_700_000_000_000;

/** An engine as a server with the default settings opens it, but that fixes live for an hour. */
export function openEngine(): NativeEngine {
  return openNativeEngine({
    driversMax: DRIVERS_MAX_DEFAULT,
    ttlSecondsDefault: 3_600,
    searchCandidatesMax: SEARCH_CANDIDATES_MAX_DEFAULT,
  });
}

export class Fleet {
  readonly world: World;
  readonly #lap: Lap;
  readonly #order: Uint32Array;
  /** The time of the last lap's fixes. */
  nowMs = START_MS;

  constructor(drivers: number, seed: number) {
    this.world = new World(drivers, seed);
    this.#lap = new Lap(this.world, BATCH_FIXES);
    this.#order = new Uint32Array(drivers).map((_, driver) => driver);
  }

  /** Every driver sends where it stands, in a random order. */
  load(engine: NativeEngine): void {
    this.#write();
    this.apply(engine);
  }

  /** Every driver drives on, and its next fix is written; the order is another one than before, so that no two laps walk memory alike. */
  drive(): void {
    for (let driver = 0; driver < this.world.drivers; driver++) this.world.move(driver, LAP_SECONDS);
    this.nowMs += LAP_SECONDS * 1000;
    this.#write();
  }

  /** Applies the lap that was written; returns the seconds that it took. @throws Error unless every fix was accepted */
  apply(engine: NativeEngine): number {
    const { batches } = this.#lap;
    let accepted = 0;
    const startedAt = performance.now();
    for (let i = 0; i < batches.length; i++) {
      accepted += engine.apply(batches[i] as Uint8Array, this.nowMs, BATCH_FIXES_MAX_DEFAULT).accepted;
      if (i % SWEEP_BATCHES === 0) engine.sweep(this.nowMs);
    }
    const seconds = (performance.now() - startedAt) / 1000;
    if (accepted !== this.world.drivers) throw new Error(`${accepted} of ${this.world.drivers} fixes were accepted`);
    return seconds;
  }

  #write(): void {
    this.world.shuffle(this.#order);
    this.#lap.write(this.#order, this.nowMs);
  }
}
