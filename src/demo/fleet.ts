// A fleet that drives about a city, made up but plausible, and the same for the same seed and number of steps.
//
// Streets are a grid of blocks. A driver follows a street, speeds up to what that street allows, may wait at a crossing, goes
// straight on there or turns, and turns back towards the middle at the city's edge. Rides begin and end at random: `free` and `busy`
// switch; one driver in seven is `xl`. Memory is 40 bytes a driver; one step of 5,000 drivers takes well under a millisecond.

import type { FixRow } from '../client/types.ts';
import type { City } from './cities.ts';
import { seededRandom } from './random.ts';

export interface FleetOptions {
  readonly city: City;
  readonly drivers: number;
  readonly seed: number;
}

const BLOCK_METERS = 120;
const SPEED_MIN = 6;
const SPEED_MAX = 16;
const ACCELERATION = 2.5;
const CHANCE_OF_WAIT = 0.25;
const WAIT_SECONDS_MIN = 4;
const WAIT_SECONDS_MAX = 30;
const CHANCE_OF_STRAIGHT = 0.6;
const CHANCE_OF_LEFT = 0.2;
/** Rides begin every 5 minutes and last 10, on average: a third of the fleet is free. */
const CHANCE_OF_RIDE = 1 / 300;
const CHANCE_OF_END = 1 / 600;
const CHANCE_OF_XL = 1 / 7;
const METERS_PER_DEGREE = (Math.PI * 6_371_008.8) / 180;

/** Directions on the grid, clockwise: 0 up, 1 right, 2 down, 3 left. */
const STEP_X = [0, 1, 0, -1] as const;
const STEP_Y = [1, 0, -1, 0] as const;

const TAGS = [['free'], ['busy'], ['free', 'xl'], ['busy', 'xl']] as const;

export class Fleet {
  readonly size: number;
  readonly #city: City;
  readonly #random: () => number;
  readonly #ids: string[];
  /** Metres from the middle, on the grid's own axes. */
  readonly #x: Float64Array;
  readonly #y: Float64Array;
  readonly #direction: Uint8Array;
  readonly #speed: Float64Array;
  readonly #limit: Float64Array;
  readonly #waitSeconds: Float64Array;
  readonly #busy: Uint8Array;
  readonly #xl: Uint8Array;

  constructor({ city, drivers, seed }: FleetOptions) {
    this.size = drivers;
    this.#city = city;
    this.#random = seededRandom(seed);
    const digits = Math.max(4, String(drivers - 1).length);
    this.#ids = Array.from({ length: drivers }, (_, i) => `cab-${String(i).padStart(digits, '0')}`);
    this.#x = new Float64Array(drivers);
    this.#y = new Float64Array(drivers);
    this.#direction = new Uint8Array(drivers);
    this.#speed = new Float64Array(drivers);
    this.#limit = new Float64Array(drivers);
    this.#waitSeconds = new Float64Array(drivers);
    this.#busy = new Uint8Array(drivers);
    this.#xl = new Uint8Array(drivers);
    for (let i = 0; i < drivers; i += 1) this.#place(i);
  }

  /** Drives every `slots`-th driver from the `slot`-th on for one second. */
  step(slot = 0, slots = 1): void {
    for (let i = slot; i < this.size; i += slots) {
      this.#drive(i);
      const random = this.#random();
      if (this.#busy[i] === 1) {
        if (random < CHANCE_OF_END) this.#busy[i] = 0;
      } else if (random < CHANCE_OF_RIDE) this.#busy[i] = 1;
    }
  }

  /** Those drivers' fixes, as rows with the time given. */
  fixes(timeMs: number, slot = 0, slots = 1): FixRow[] {
    const rows: FixRow[] = [];
    for (let i = slot; i < this.size; i += slots) rows.push(this.fix(i, timeMs));
    return rows;
  }

  /** One driver's fix; degrees to 6 digits, a tenth of a metre. */
  fix(i: number, timeMs: number): FixRow {
    const { lat, lon, gridDegrees } = this.#city;
    const turn = (gridDegrees * Math.PI) / 180;
    const x = this.#x[i] as number;
    const y = this.#y[i] as number;
    const east = x * Math.cos(turn) + y * Math.sin(turn);
    const north = y * Math.cos(turn) - x * Math.sin(turn);
    const fixLat = lat + north / METERS_PER_DEGREE;
    const fixLon = lon + east / (METERS_PER_DEGREE * Math.cos((lat * Math.PI) / 180));
    const heading = ((this.#direction[i] as number) * 90 + gridDegrees + 360) % 360;
    const tags = TAGS[(this.#busy[i] as number) + 2 * (this.#xl[i] as number)] as readonly string[];
    const speed = round(this.#speed[i] as number, 10);
    return [this.#ids[i] as string, round(fixLat, 1e6), round(wrapped(fixLon), 1e6), timeMs, heading, speed, 5, tags];
  }

  #place(i: number): void {
    const random = this.#random;
    // The sum of three is near enough to a bell: most drivers are downtown.
    const spread = (): number => ((random() + random() + random()) / 1.5 - 1) * this.#city.radiusMeters;
    const along = spread();
    const across = Math.round(spread() / BLOCK_METERS) * BLOCK_METERS;
    const direction = Math.floor(random() * 4);
    const isVertical = direction % 2 === 0;
    this.#x[i] = isVertical ? across : along;
    this.#y[i] = isVertical ? along : across;
    this.#direction[i] = direction;
    this.#newStreet(i);
    this.#speed[i] = random() * (this.#limit[i] as number);
    this.#busy[i] = random() < CHANCE_OF_RIDE / (CHANCE_OF_RIDE + CHANCE_OF_END) ? 1 : 0;
    this.#xl[i] = random() < CHANCE_OF_XL ? 1 : 0;
  }

  #newStreet(i: number): void {
    this.#limit[i] = SPEED_MIN + this.#random() * (SPEED_MAX - SPEED_MIN);
  }

  #drive(i: number): void {
    const waitSeconds = this.#waitSeconds[i] as number;
    if (waitSeconds > 0) {
      this.#waitSeconds[i] = Math.max(0, waitSeconds - 1);
      return;
    }
    const speed = Math.min(this.#limit[i] as number, (this.#speed[i] as number) + ACCELERATION);
    this.#speed[i] = speed;
    const direction = this.#direction[i] as number;
    const isVertical = direction % 2 === 0;
    const axis = isVertical ? this.#y : this.#x;
    const sign = isVertical ? (STEP_Y[direction] as number) : (STEP_X[direction] as number);
    const from = axis[i] as number;
    // Blocks are longer than a second's way, so there is one crossing at most.
    const crossing =
      sign > 0
        ? (Math.floor(from / BLOCK_METERS) + 1) * BLOCK_METERS
        : (Math.ceil(from / BLOCK_METERS) - 1) * BLOCK_METERS;
    const left = speed - Math.abs(crossing - from);
    if (left < 0) {
      axis[i] = from + sign * speed;
      return;
    }
    axis[i] = crossing;
    this.#turn(i, direction);
    if (this.#random() < CHANCE_OF_WAIT) {
      this.#speed[i] = 0;
      this.#waitSeconds[i] = WAIT_SECONDS_MIN + this.#random() * (WAIT_SECONDS_MAX - WAIT_SECONDS_MIN);
      return;
    }
    const next = this.#direction[i] as number;
    this.#x[i] = (this.#x[i] as number) + (STEP_X[next] as number) * left;
    this.#y[i] = (this.#y[i] as number) + (STEP_Y[next] as number) * left;
  }

  #turn(i: number, direction: number): void {
    const x = this.#x[i] as number;
    const y = this.#y[i] as number;
    const random = this.#random();
    let next = direction;
    if (Math.hypot(x, y) > this.#city.radiusMeters) {
      // Back to the middle, along the axis that is farther off.
      if (Math.abs(x) > Math.abs(y)) next = x > 0 ? 3 : 1;
      else next = y > 0 ? 2 : 0;
    } else if (random >= CHANCE_OF_STRAIGHT)
      next = (direction + (random < CHANCE_OF_STRAIGHT + CHANCE_OF_LEFT ? 3 : 1)) % 4;
    if (next !== direction) this.#newStreet(i);
    this.#direction[i] = next;
  }
}

function wrapped(lon: number): number {
  if (lon > 180) return lon - 360;
  return lon < -180 ? lon + 360 : lon;
}

function round(value: number, perUnit: number): number {
  return Math.round(value * perUnit) / perUnit;
}
