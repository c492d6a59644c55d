// Supply on a thread that serves: bounded slices of the scan, with the thread's other work between them. For the portable engine, which
// has one thread; beside the native engine a thread of its own counts (worker.ts).

import { nowMs } from '../clock.ts';
import type { DriverEngine, Ref } from '../drivers/engine.ts';
import type { Encoding } from '../protocol/codec.ts';
import type { SupplyQuery } from '../protocol/requests.ts';
import { encodeSupply, SUPPLIES_MAX, tooMany } from './answers.ts';
import { SupplyTally } from './tally.ts';

/** Drivers in a slice: about a millisecond of h3-js. */
const SLICE_DRIVERS = 500;

export class SlicedSupply {
  readonly #engine: DriverEngine;
  #underWay = 0;

  constructor(engine: DriverEngine) {
    this.#engine = engine;
  }

  /** The answer, encoded. Rejects with RazielError OVERLOADED past SUPPLIES_MAX, SEARCH_TOO_WIDE for too many cells. */
  async count(query: SupplyQuery, ref: Ref, encoding: Encoding): Promise<Uint8Array> {
    if (this.#underWay >= SUPPLIES_MAX) throw tooMany();
    this.#underWay++;
    try {
      const tally = new SupplyTally(query);
      const startedMs = nowMs();
      let cursor = 0;
      do {
        await new Promise((resolve) => setImmediate(resolve));
        cursor = this.#engine.scan(cursor, SLICE_DRIVERS, startedMs, (driver) => tally.add(driver));
      } while (cursor !== 0);
      return encodeSupply(tally, query, ref, encoding);
    } finally {
      this.#underWay--;
    }
  }
}
