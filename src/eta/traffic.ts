// What has been learned of traffic, in memory that all threads share: one learner writes (learner.ts), serving threads read. And how
// a travel time comes out of it.
//
//   seconds = distance × CIRCUITY ÷ speed        log(1 ÷ speed) = the sum of the weights of the journey's features
//
// The features, each a weight of its own, coarse ones first; a fine one only says by how much it differs from the coarser ones:
//
//   everywhere   one; distance (short journeys are slower), by what its ends are; hour of the week, by what its ends are;
//                how fast the driver goes and how far off the way there its heading is
//   area, cell   at the origin, half way and at the destination, for the area (H3 resolution 5) and the cell (resolution 7):
//                the place; the place in this hour of the week; the place in this direction (one of eight)
//
// What the learner has seen little of has weights near 0, so that a place or an hour that is not known answers as its surroundings do. A
// journey's ends: its driver stands or moves at the origin, and stops at the destination (a pickup) or passes it.
//
// Weights are float32 and written while others read them; each is whole, and a sum of some old and some new ones is as good.

import { ETA_AREAS_MAX, ETA_CELLS_MAX } from '../limits.ts';
import { Squares } from './squares.ts';

/** How much longer roads are than great circles, on the whole. The split between it and the speeds is a convention: only their ratio is learned. */
export const CIRCUITY = 1.35;
/** Along the road, before anything is learned. */
const SPEED_PRIOR = 8;

export const CELL_RESOLUTION = 7;
export const AREA_RESOLUTION = 5;
const SQUARE_BITS = 16;
const SQUARE_SLOTS = 2 ** 18;
/** Areas are told apart by squares of an eleventh of a degree where no cell is known. */
const WIDE_SQUARE_BITS = 12;
const WIDE_SQUARE_SLOTS = 2 ** 14;

const WEEK_HOURS = 168;
const DIRECTIONS = 8;

// The weights of everywhere, by place in the table.
const ENDS = 4;
const DISTANCES = 24;
/** The middle of the first: 2^7.5 m. Four to a doubling; what is nearer or farther counts to the first or last. */
const DISTANCE_LOG2_FIRST = 7.5;
const DISTANCES_PER_DOUBLING = 4;
const MOTIONS = 3 * 8 * 8;
const ONE_AT = 0;
const DISTANCE_AT = ONE_AT + 1;
const HOUR_AT = DISTANCE_AT + ENDS * DISTANCES;
const MOTION_AT = HOUR_AT + ENDS * WEEK_HOURS;
/** Weights of everywhere, which come first. */
export const GENERAL = Math.ceil((MOTION_AT + MOTIONS) / 16) * 16;

// The weights of a cell or area.
const ROLES = 6;
const DIRECTION_AT = ROLES;
const PLACE_HOUR_AT = DIRECTION_AT + ROLES * DIRECTIONS;
/** Weights of a place. */
export const PLACE = Math.ceil((PLACE_HOUR_AT + WEEK_HOURS) / 16) * 16;

/** Places by number: areas from 1, cells from CELLS_FROM; 0 is none. */
export const CELLS_FROM = 1 + ETA_AREAS_MAX;
const PLACES = CELLS_FROM + ETA_CELLS_MAX;

/** Where the weights of a place begin. */
export function weightsOf(place: number): number {
  return GENERAL + place * PLACE;
}

export const WEIGHTS = GENERAL + PLACES * PLACE;
/** Features of one journey at most. */
const FEATURES_MAX = 5 + 3 * 2 * 3;

/** Metres a second under which a driver stands. */
const STANDING_SPEED = 1;
const RADIANS = Math.PI / 180;
const HOUR_MS = 3_600_000;

/** 0 for Monday 00:00 to 01:00 UTC. */
export function hourOfWeek(timeMs: number): number {
  const hour = Math.floor(timeMs / HOUR_MS) + 72;
  return ((hour % WEEK_HOURS) + WEEK_HOURS) % WEEK_HOURS;
}

/** The parts of the shared memory, in this order. */
const WEIGHTS_BYTES = 4 * WEIGHTS;
const AREAS_BYTES = 4 * PLACES;
const SQUARES_BYTES = Squares.bytes(SQUARE_SLOTS);

/** What all of it takes, in memory once it is learned. */
export const TRAFFIC_BYTES = WEIGHTS_BYTES + AREAS_BYTES + SQUARES_BYTES + Squares.bytes(WIDE_SQUARE_SLOTS);

export function allocateTraffic(): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(TRAFFIC_BYTES);
  new Float32Array(memory, 0, 1)[ONE_AT] = -Math.log(SPEED_PRIOR);
  return memory;
}

export class Traffic {
  readonly weights: Float32Array;
  /** The area that each place is in, by number; of an area itself 0. */
  readonly areas: Int32Array;
  /** Cells by square, and areas by wide square. */
  readonly squares: Squares;
  readonly wideSquares: Squares;

  /** The features of the journey asked about last: weights by index, and how much of each counts. */
  readonly features = new Int32Array(FEATURES_MAX);
  readonly shares = new Float32Array(FEATURES_MAX);

  #lat = 0;
  #lon = 0;
  #cosLat = 1;
  #place = 0;
  #hour = 0;
  #passes = 0;

  constructor(memory: SharedArrayBuffer) {
    let offset = 0;
    this.weights = new Float32Array(memory, offset, WEIGHTS);
    this.areas = new Int32Array(memory, (offset += WEIGHTS_BYTES), PLACES);
    this.squares = new Squares(memory, (offset += AREAS_BYTES), SQUARE_SLOTS, SQUARE_BITS);
    this.wideSquares = new Squares(memory, (offset += SQUARES_BYTES), WIDE_SQUARE_SLOTS, WIDE_SQUARE_BITS);
  }

  /** Where the next journeys end, and in which hour. `passes`: the driver goes on from there. */
  headFor(lat: number, lon: number, timeMs: number, passes = false): void {
    this.#lat = lat;
    this.#lon = lon;
    this.#cosLat = Math.cos(lat * RADIANS);
    this.#place = this.#placeOf(lat, lon);
    this.#hour = hourOfWeek(timeMs);
    this.#passes = passes ? 1 : 0;
  }

  /**
   * Seconds of a journey to where headFor said. `distance`: great-circle, metres; `heading`: degrees clockwise from north, NaN when
   * unknown; `speed`: m/s at the origin, NaN when unknown.
   */
  seconds(lat: number, lon: number, distance: number, heading: number, speed: number): number {
    const count = this.describe(lat, lon, distance, heading, speed);
    return (distance * CIRCUITY) / Math.exp(-this.logPace(count));
  }

  /** Of the first `count` features: the logarithm of seconds a metre along the road. */
  logPace(count: number): number {
    const { weights, features, shares } = this;
    let sum = 0;
    for (let i = 0; i < count; i++) sum += (weights[features[i] as number] as number) * (shares[i] as number);
    return sum;
  }

  /** Writes the features of a journey, as for `seconds`, and returns how many there are. */
  describe(lat: number, lon: number, distance: number, heading: number, speed: number): number {
    const { features, shares } = this;
    const stands = speed < STANDING_SPEED;
    const passes = this.#passes;
    const ends = (stands ? 0 : 1) + 2 * passes;
    const east = shorter(this.#lon - lon) * this.#cosLat;
    const bearing = Math.atan2(east, this.#lat - lat) / RADIANS;

    features[0] = ONE_AT;
    shares[0] = 1;
    const step = (Math.log2(distance) - DISTANCE_LOG2_FIRST) * DISTANCES_PER_DOUBLING;
    const place = step > 0 ? Math.min(step, DISTANCES - 1.001) : 0;
    const below = Math.floor(place);
    features[1] = DISTANCE_AT + ends * DISTANCES + below;
    shares[1] = 1 - (place - below);
    features[2] = DISTANCE_AT + ends * DISTANCES + below + 1;
    shares[2] = place - below;
    features[3] = HOUR_AT + ends * WEEK_HOURS + this.#hour;
    shares[3] = 1;
    features[4] = MOTION_AT + motionOf(distance, bearing, heading, speed);
    shares[4] = 1;

    const direction = ((((bearing + 382.5) % 360) / 45) | 0) % DIRECTIONS;
    const [middleLat, middleLon] = middleOf(lat, lon, this.#lat, this.#lon);
    let count = this.#describePlace(5, this.#placeOf(lat, lon), stands ? 0 : 1, direction);
    count = this.#describePlace(count, this.#placeOf(middleLat, middleLon), 2 + passes, direction);
    return this.#describePlace(count, this.#place, 4 + passes, direction);
  }

  #describePlace(start: number, place: number, role: number, direction: number): number {
    let count = start;
    for (let at = place; at !== 0; at = this.areas[at] as number) {
      const base = weightsOf(at);
      this.features[count] = base + role;
      this.shares[count++] = 1;
      this.features[count] = base + DIRECTION_AT + role * DIRECTIONS + direction;
      this.shares[count++] = 1;
      this.features[count] = base + PLACE_HOUR_AT + this.#hour;
      this.shares[count++] = 1;
    }
    return count;
  }

  /** The cell of a position if it is known, else the area, else 0. */
  #placeOf(lat: number, lon: number): number {
    return this.squares.get(lat, lon) || this.wideSquares.get(lat, lon);
  }
}

/** Half way between two positions that are not half a world apart, [lat, lon]. */
export function middleOf(latA: number, lonA: number, latB: number, lonB: number): readonly [number, number] {
  return [(latA + latB) / 2, shorter(lonA + shorter(lonB - lonA) / 2)];
}

/** A difference of longitudes the short way round: −180..180. */
function shorter(degrees: number): number {
  return degrees > 180 ? degrees - 360 : degrees < -180 ? degrees + 360 : degrees;
}

/** How near, how fast, how far off the way: each in steps, as one number under MOTIONS. */
function motionOf(distance: number, bearing: number, heading: number, speed: number): number {
  const near = distance < 1_000 ? 0 : distance < 2_500 ? 1 : 2;
  const pace = speed >= 0 ? (speed < STANDING_SPEED ? 1 : Math.min(7, 2 + ((speed / 4) | 0))) : 0;
  // Who stands goes nowhere, whatever its heading says.
  if (pace === 1 || !(heading >= 0)) return (near * 8 + pace) * 8;
  const off = Math.abs(((((bearing - heading) % 360) + 540) % 360) - 180);
  return (near * 8 + pace) * 8 + 1 + Math.min(4, (off / 36) | 0);
}
