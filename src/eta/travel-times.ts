// How long each of many drivers needs to one pickup: the one interface in front of whatever knows.
//
//   const source = times.estimate(candidates, 37.77, -122.42, nowMs);    // 'learned'; candidates.seconds has the answers

import type { Call } from '../tracing/call.ts';
import { Traffic } from './traffic.ts';

/** Who answered. */
export type EtaSource = 'learned' | 'osrm' | 'valhalla';

/** Where drivers are, by row; a CandidateList is this. */
export interface Origins {
  readonly count: number;
  lat(row: number): number;
  lon(row: number): number;
  /** Metres to the pickup, great-circle. */
  distance(row: number): number;
  /** Degrees clockwise from north; NaN when unknown. */
  heading(row: number): number;
  /** Metres a second; NaN when unknown. */
  speed(row: number): number;
}

/** What a service outside came to. */
export interface Estimate {
  readonly source: EtaSource;
  /** By row, 1 where the service knew no time and the default answered; undefined where it knew all. */
  readonly unanswered?: Uint8Array;
}

export interface TravelTimes {
  /**
   * Writes the seconds of each row of `from` into `seconds`. Answers at once or, from a service outside, by a promise, which never rejects: what
   * is late or fails is answered by the default.
   * @param lat @param lon the pickup
   * @param call what asks; a service outside is asked within its deadline
   */
  estimate(
    from: Origins,
    lat: number,
    lon: number,
    nowMs: number,
    seconds: Float64Array,
    call: Call,
  ): EtaSource | Promise<Estimate>;
}

/** The default: what was learned of traffic. */
export class LearnedTimes implements TravelTimes {
  readonly #traffic: Traffic;

  /** @param memory of allocateTraffic */
  constructor(memory: SharedArrayBuffer) {
    this.#traffic = new Traffic(memory);
  }

  estimate(from: Origins, lat: number, lon: number, nowMs: number, seconds: Float64Array): 'learned' {
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
