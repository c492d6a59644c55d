// What the server should hold after the frames that it was sent: the oracle, fed with what the protocol reads out of the same bytes.

import { RazielError } from '../../../src/errors.ts';
import type { BatchResult } from '../../../src/drivers/engine.ts';
import { BrokenFrame, openFrame } from '../../../src/protocol/frames.ts';
import { type AnsweredDriver, World } from '../engines.ts';
import { openOracle } from '../oracle.ts';

export const ENGINE_OPTIONS = { driversMax: 5_000, ttlSecondsDefault: 3_600, searchCandidatesMax: 1_000_000 };

/** Drivers that live so close to their end are not compared. */
const UNSURE_MS = 10_000;

export class Model {
  readonly #oracle = openOracle(ENGINE_OPTIONS);
  readonly world = new World(this.#oracle);

  /** Follows one frame; says when the connection must end by it. */
  follow(bytes: Uint8Array, binary: boolean): 'goes on' | 'ends' {
    try {
      const request = openFrame(bytes, binary).read();
      this.world.now = Date.now();
      if (request.op === 'locations') this.world.applyBytes(request.batch);
      if (request.op === 'remove') this.world.remove(request.id);
    } catch (error) {
      if (error instanceof BrokenFrame) return 'ends';
      if (!(error instanceof RazielError)) throw error;
    }
    return 'goes on';
  }

  apply(batch: Uint8Array): BatchResult {
    this.world.now = Date.now();
    return this.world.applyBytes(batch);
  }

  /** The drivers held, without what depends on the moment, and without those that are about to expire. */
  held(): Map<string, object> {
    this.world.now = Date.now();
    const all = this.world.within({ kind: 'bbox', west: -180, south: -90, east: 180, north: 90 }).drivers;
    const sure = all.filter(({ id }) => {
      const { ttl, age } = this.world.driver(id) as { ttl: number; age: number };
      return Math.abs(ttl - age) * 1000 > UNSURE_MS;
    });
    return new Map(sure.map((driver) => [driver.id, settled(driver)]));
  }
}

/** A driver as two servers of slightly different clocks must agree on. */
export function settled({ id, lat, lon, heading, speed, tags }: AnsweredDriver): object {
  return { id, lat, lon, heading, speed, tags };
}
