// How long each of many drivers needs to one pickup: the one interface in front of whatever knows.
//
//   const source = times.estimate(candidates, 37.77, -122.42, nowMs);    // 'learned'; candidates.seconds has the answers

import type { CandidateList } from '../drivers/candidates.ts';
import { Traffic } from './traffic.ts';

/** Who answered. */
export type EtaSource = 'learned' | 'osrm' | 'valhalla';

export interface TravelTimes {
  /**
   * Writes the seconds of each row of `from` into `seconds`. Answers at once or, from a service outside, by a promise, which never rejects: what
   * is late or fails is answered by the default.
   * @param to the pickup
   */
  estimate(
    from: CandidateList,
    lat: number,
    lon: number,
    nowMs: number,
    seconds: Float64Array,
  ): EtaSource | Promise<EtaSource>;
}

/** The default: what was learned of traffic. */
export class LearnedTimes implements TravelTimes {
  readonly #traffic: Traffic;

  /** @param memory of allocateTraffic */
  constructor(memory: SharedArrayBuffer) {
    this.#traffic = new Traffic(memory);
  }

  estimate(from: CandidateList, lat: number, lon: number, nowMs: number, seconds: Float64Array): 'learned' {
    const traffic = this.#traffic;
    traffic.headFor(lat, lon, nowMs);
    for (let row = 0; row < from.count; row++) {
      seconds[row] = traffic.seconds(
        from.lat(row),
        from.lon(row),
        from.distance(row),
        from.heading(row),
        from.speed(row),
      );
    }
    return 'learned';
  }

  /** Of one trip that begins at rest: `distance` is great-circle, metres. */
  trip(fromLat: number, fromLon: number, lat: number, lon: number, distance: number, nowMs: number): number {
    this.#traffic.headFor(lat, lon, nowMs);
    return this.#traffic.seconds(fromLat, fromLon, distance, Number.NaN, 0);
  }
}
