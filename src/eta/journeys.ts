// Follows drivers by their fixes and cuts their ways into journeys that can be learned from.
//
// A way begins when a driver's idle tag goes (a passenger is on board), or when a driver that stood drives off; it ends when the tag comes
// back, when the driver stands for STANDING_MS, or when nothing is heard for SILENCE_MS. From each way come a few journeys: all of it, its end from
// somewhere on the way, and two stretches of it, so that what is learned covers drivers who start and who drive already. Idle drivers wait
// or wander, so their ways teach nothing.

import { distanceMeters } from '../geo/distance.ts';
import { ETA_DRIVERS_FOLLOWED } from '../limits.ts';
import type { Journey } from './learner.ts';

/** What is seen of a driver at one moment. Degrees, metres a second; NaN for a heading or speed that is unknown. */
export interface Sighting {
  /** A number for the driver. */
  readonly driver: number;
  readonly lat: number;
  readonly lon: number;
  readonly timeMs: number;
  readonly heading: number;
  readonly speed: number;
  readonly isIdle: boolean;
}

const SILENCE_MS = 180_000;
/** Standing this long is an end, not a traffic light. */
const STANDING_MS = 240_000;
/** A driver that has not come farther than this stands. */
const STANDING_METERS = 75;
/** A step that is faster than this is a fault of the position, or another driver under the same number. */
const SPEED_MAX = 70;
/** Points of a way that are kept: when there are more, every other one goes and they are kept twice as far apart. */
const POINTS_MAX = 48;
const POINT_MS_MIN = 15_000;
const JOURNEY_METERS_MIN = 200;
const JOURNEY_METERS_MAX = 20_000;
const JOURNEY_MS_MIN = 15_000;
/** Where a fix does not say how the driver moves, the step before it does, if it was not longer than this … */
const MOTION_MS_MAX = 120_000;
/** … and a heading needs this much of a step. */
const HEADING_METERS_MIN = 40;

type Point = Pick<Sighting, 'lat' | 'lon' | 'timeMs' | 'heading' | 'speed'>;

interface Way {
  isIdle: boolean;
  /** It began where the driver stood. */
  fromStanding: boolean;
  points: Point[];
  /** Points are kept this far apart. */
  pointMs: number;
  last: Sighting;
  /** Where and since when the driver has been within STANDING_METERS. */
  rest: Sighting;
}

export class JourneyTracker {
  readonly #ways = new Map<number, Way>();
  readonly #random: () => number;
  readonly #learn: (journey: Journey) => void;

  /** @param random numbers of 0..1, 1 excluded, that choose the stretches */
  constructor(random: () => number, learn: (journey: Journey) => void) {
    this.#random = random;
    this.#learn = learn;
  }

  get drivers(): number {
    return this.#ways.size;
  }

  /** Sightings of a driver come in the order of time; one that is not newer than the last is passed over. */
  see(sighting: Sighting): void {
    const way = this.#ways.get(sighting.driver);
    if (way === undefined) {
      if (this.#ways.size < ETA_DRIVERS_FOLLOWED) this.#ways.set(sighting.driver, wayFrom(sighting, false));
      return;
    }
    const { last } = way;
    const stepMs = sighting.timeMs - last.timeMs;
    if (stepMs <= 0) return;
    const step = metersBetween(last, sighting);
    if (stepMs > SILENCE_MS || step > (SPEED_MAX * stepMs) / 1000) {
      this.#end(way, false);
      this.#ways.set(sighting.driver, wayFrom(sighting, false));
    } else if (sighting.isIdle !== way.isIdle) {
      this.#end(way, true);
      this.#ways.set(sighting.driver, wayFrom(sighting, true));
    } else {
      this.#go(way, sighting);
    }
  }

  /** Ends the ways of drivers that have not been heard of for long. */
  forgetSilent(nowMs: number): void {
    for (const [driver, way] of this.#ways) {
      if (nowMs - way.last.timeMs <= SILENCE_MS) continue;
      this.#end(way, false);
      this.#ways.delete(driver);
    }
  }

  #go(way: Way, sighting: Sighting): void {
    const moved = metersBetween(way.rest, sighting) > STANDING_METERS;
    if (!moved && sighting.timeMs - way.rest.timeMs >= STANDING_MS) {
      // It stands, and so it arrived when it came here; what comes next begins when it leaves.
      if (way.points.length > 0) {
        way.points = way.points.filter((point) => point.timeMs < way.rest.timeMs);
        way.last = way.rest;
        this.#end(way, true);
      }
      way.points = [];
      way.last = sighting;
      return;
    }
    if (way.points.length === 0) {
      if (moved) Object.assign(way, wayFrom(way.last, true));
      else {
        way.last = sighting;
        return;
      }
    }
    if (moved) way.rest = sighting;
    way.last = sighting;
    const latest = way.points.at(-1);
    if (latest !== undefined && sighting.timeMs - latest.timeMs < way.pointMs) return;
    way.points.push(pointOf(latest, sighting));
    if (way.points.length < POINTS_MAX) return;
    way.points = way.points.filter((_, i) => i % 2 === 0);
    way.pointMs *= 2;
  }

  #end(way: Way, stopped: boolean): void {
    const { last } = way;
    if (way.isIdle || way.points.length === 0) return;
    const points = way.points.filter((point) => point.timeMs < last.timeMs);
    const end = points.length;
    const ends = [...points, pointOf(points.at(-1), last)];
    if (end === 0) return;
    this.#teach(ends, 0, end, way.fromStanding, stopped);
    if (end < 2) return;
    this.#teach(ends, 1 + Math.floor(this.#random() * (end - 1)), end, false, stopped);
    for (let i = 0; i < 2; i++) {
      const a = Math.floor(this.#random() * end);
      const b = Math.floor(this.#random() * end);
      if (a !== b) this.#teach(ends, Math.min(a, b), Math.max(a, b), way.fromStanding, false);
    }
  }

  #teach(points: readonly Point[], from: number, to: number, fromStanding: boolean, stopped: boolean): void {
    const a = points[from] as Point;
    const b = points[to] as Point;
    const distance = metersBetween(a, b);
    const ms = b.timeMs - a.timeMs;
    if (distance < JOURNEY_METERS_MIN || distance > JOURNEY_METERS_MAX || ms < JOURNEY_MS_MIN) return;
    // Half of the time nothing is said of the motion, as many fixes say nothing.
    const isKnown = from > 0 && this.#random() < 0.5;
    this.#learn({
      fromLat: a.lat,
      fromLon: a.lon,
      toLat: b.lat,
      toLon: b.lon,
      distance,
      seconds: ms / 1000,
      timeMs: a.timeMs,
      heading: isKnown ? a.heading : Number.NaN,
      speed: from === 0 && fromStanding ? 0 : isKnown ? a.speed : Number.NaN,
      passes: !stopped,
    });
  }
}

function wayFrom(sighting: Sighting, fromStanding: boolean): Way {
  return {
    isIdle: sighting.isIdle,
    fromStanding,
    points: [pointOf(undefined, sighting)],
    pointMs: POINT_MS_MIN,
    last: sighting,
    rest: sighting,
  };
}

/** With the motion that the step from `before` shows where the fix says none. */
function pointOf(before: Point | undefined, sighting: Point): Point {
  const { lat, lon, timeMs } = sighting;
  let { heading, speed } = sighting;
  const ms = before === undefined ? Number.POSITIVE_INFINITY : timeMs - before.timeMs;
  if (before !== undefined && ms > 0 && ms <= MOTION_MS_MAX) {
    const meters = metersBetween(before, sighting);
    if (Number.isNaN(speed)) speed = (1000 * meters) / ms;
    if (Number.isNaN(heading) && meters >= HEADING_METERS_MIN) heading = bearingOf(before, sighting);
  }
  return { lat, lon, timeMs, heading, speed };
}

function metersBetween(a: Point, b: Point): number {
  return distanceMeters(a.lat, a.lon, b.lat, b.lon);
}

/** Degrees clockwise from north, for steps of some kilometres at most. */
function bearingOf(a: Point, b: Point): number {
  const radians = Math.PI / 180;
  const east = (((b.lon - a.lon + 540) % 360) - 180) * Math.cos(a.lat * radians);
  return (Math.atan2(east, b.lat - a.lat) / radians + 360) % 360;
}
