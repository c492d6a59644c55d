// Supply on a thread that serves: bounded slices of the scan, with the thread's other work between them. For the portable engine, which
// has one thread; beside the native engine a thread of its own counts (worker.ts).

import type { DriverEngine, Ref } from '../drivers/engine.ts';
import { RazielError } from '../errors.ts';
import { type Encoding, packMessage } from '../protocol/codec.ts';
import type { SupplyQuery } from '../protocol/requests.ts';
import { SupplyTally } from './tally.ts';

/** Drivers in a slice: about a millisecond of h3-js. */
const SLICE_DRIVERS = 500;
/** Supplies that may be under way at once. */
export const SUPPLIES_MAX = 8;

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
      const nowMs = Date.now();
      let cursor = 0;
      do {
        await new Promise((resolve) => setImmediate(resolve));
        cursor = this.#engine.scan(cursor, SLICE_DRIVERS, nowMs, (driver) => tally.add(driver));
      } while (cursor !== 0);
      return encodeSupply(tally, query, ref, encoding);
    } finally {
      this.#underWay--;
    }
  }
}

export function encodeSupply(tally: SupplyTally, query: SupplyQuery, ref: Ref, encoding: Encoding): Uint8Array {
  const answer = { ...(ref === undefined ? {} : { ref }), resolution: query.resolution, cells: tally.cells() };
  return encoding === 'msgpack' ? packMessage(answer) : Buffer.from(JSON.stringify(answer));
}

export function tooMany(): RazielError {
  return new RazielError('OVERLOADED', `at most ${SUPPLIES_MAX} supplies are counted at once`);
}
