// Learns the weights of traffic.ts from journeys, one at a time as they end: stochastic gradient descent on the logarithm of the time taken, with
// steps that shrink as a weight has been taught more often, down to a floor that makes old journeys count exponentially less. A weight that has
// been taught little has hardly left 0 (shrinkage): that is what makes places and hours back off to their surroundings.
//
// Journeys are remembered, a bounded number of them, and each new one has a few old ones gone over again: one pass over a day is not
// enough to tell the weights of places from those of directions. Runs off the serving threads; h3-js is slow.

import assert from 'node:assert/strict';
import { cellToParent, latLngToCell } from 'h3-js';
import { ETA_AREAS_MAX, ETA_CELLS_MAX, ETA_JOURNEYS_REMEMBERED } from '../limits.ts';
import { pack, unpack } from 'msgpackr';
import {
  AREA_RESOLUTION,
  CELL_RESOLUTION,
  CELLS_FROM,
  CIRCUITY,
  GENERAL,
  middleOf,
  PLACE,
  Traffic,
  WEIGHTS,
  weightsOf,
} from './traffic.ts';
import type { Squares } from './squares.ts';

/** A stretch of a driver's way. Degrees, metres a second, NaN for what is unknown. */
export interface Journey {
  readonly fromLat: number;
  readonly fromLon: number;
  readonly toLat: number;
  readonly toLon: number;
  /** Great-circle, metres. */
  readonly distance: number;
  readonly seconds: number;
  /** When it began, milliseconds since the Unix epoch. */
  readonly timeMs: number;
  /** At its beginning. */
  readonly heading: number;
  readonly speed: number;
  /** The driver went on from its end. */
  readonly passes: boolean;
}

/** Old journeys that are gone over again for a new one. */
const REHEARSALS = 5;
/** Logarithms of time that one journey can be off by, at most; the rest is taken for an errand on the way. */
const ERROR_MAX = 0.25;
/** The share of a journey's error that each of its weights takes at first. */
const SHARE = 0.25;
/** Journeys that a weight must have been taught for its step to halve. */
const DOUBT = 10;
/** The least step: a journey's influence is down to 1/e after 1 / (SHARE × STEP_MIN) more of them with the weight. */
const STEP_MIN = 0.004;

const FIELDS = 10;

const MAGIC = 'raziel eta';
/** Of what is stored; whatever changes the features changes it. */
const VERSION = 1;

interface Saved {
  readonly magic: string;
  readonly version: number;
  /** H3 indexes, in the order of their numbers. */
  readonly areas: readonly string[];
  readonly cells: readonly string[];
  readonly squares: readonly number[];
  readonly wideSquares: readonly number[];
  /** Float32s in the byte order of the machine: of everywhere and of each place the weights, then how often each was taught. */
  readonly weights: Uint8Array;
}

export class Learner {
  readonly #traffic: Traffic;
  /** How often each weight was taught, fractions by share. */
  readonly #taught = new Float32Array(WEIGHTS);
  readonly #cells = new Map<string, number>();
  readonly #areas = new Map<string, number>();
  /** The journeys remembered, FIELDS numbers each, in a ring. */
  readonly #memory = new Float64Array(FIELDS * ETA_JOURNEYS_REMEMBERED);
  #remembered = 0;
  #next = 0;
  #taughtJourneys = 0;
  readonly #random: () => number;

  /** @param random numbers of 0..1, 1 excluded, that choose which old journeys are gone over again */
  constructor(memory: SharedArrayBuffer, random: () => number) {
    this.#traffic = new Traffic(memory);
    this.#random = random;
  }

  get cells(): number {
    return this.#cells.size;
  }

  get journeys(): number {
    return this.#remembered;
  }

  /** Journeys learned from since the start. */
  get taught(): number {
    return this.#taughtJourneys;
  }

  /**
   * What was learned, to be stored: the weights of what is known, how often each was taught, and which cells and areas there are. The journeys
   * remembered are not in it.
   */
  save(): Uint8Array {
    const { weights, squares, wideSquares } = this.#traffic;
    const runs = [[0, GENERAL] as const, ...this.#places().map((place) => [weightsOf(place), PLACE] as const)];
    const kept = new Float32Array(runs.reduce((sum, [, length]) => sum + 2 * length, 0));
    let at = 0;
    for (const [start, length] of runs) {
      kept.set(weights.subarray(start, start + length), at);
      kept.set(this.#taught.subarray(start, start + length), at + length);
      at += 2 * length;
    }
    return pack({
      magic: MAGIC,
      version: VERSION,
      areas: [...this.#areas.keys()],
      cells: [...this.#cells.keys()],
      squares: squares.keys(),
      wideSquares: wideSquares.keys(),
      weights: new Uint8Array(kept.buffer),
    });
  }

  /** Takes up what `save` made. What is of another version or size is left, and learning begins anew. */
  load(bytes: Uint8Array): void {
    const saved = unpack(bytes) as Saved;
    if (saved.magic !== MAGIC || saved.version !== VERSION) return;
    const kept = new Float32Array(new Uint8Array(saved.weights).buffer);
    if (kept.length !== 2 * (GENERAL + (saved.areas.length + saved.cells.length) * PLACE)) return;
    for (const name of saved.areas) this.#numberOfArea(name);
    for (const name of saved.cells) this.#numberOfCell(name);
    for (const key of saved.wideSquares) this.#resolve(this.#traffic.wideSquares, key, AREA_RESOLUTION);
    for (const key of saved.squares) this.#resolve(this.#traffic.squares, key, CELL_RESOLUTION);
    let at = 0;
    for (const [start, length] of [[0, GENERAL], ...this.#places().map((place) => [weightsOf(place), PLACE])] as [
      number,
      number,
    ][]) {
      this.#traffic.weights.set(kept.subarray(at, at + length), start);
      this.#taught.set(kept.subarray(at + length, at + 2 * length), start);
      at += 2 * length;
    }
  }

  /** The numbers of all places, areas first. */
  #places(): number[] {
    return [...this.#areas.values(), ...this.#cells.values()];
  }

  /** Learns from a journey of more than 0 m and s. */
  learn(journey: Journey): void {
    assert(journey.distance > 0 && journey.seconds > 0);
    this.#find(journey.fromLat, journey.fromLon);
    this.#find(journey.toLat, journey.toLon);
    const middle = middleOf(journey.fromLat, journey.fromLon, journey.toLat, journey.toLon);
    this.#find(middle[0], middle[1]);
    this.#taughtJourneys++;
    this.#remember(journey);
    this.#rehearse((this.#next + ETA_JOURNEYS_REMEMBERED - 1) % ETA_JOURNEYS_REMEMBERED);
    for (let i = 0; i < REHEARSALS; i++) this.#rehearse(Math.floor(this.#random() * this.#remembered));
  }

  #remember(journey: Journey): void {
    const { fromLat, fromLon, toLat, toLon, distance, seconds, timeMs, heading, speed, passes } = journey;
    const fields = [fromLat, fromLon, toLat, toLon, distance, seconds, timeMs, heading, speed, passes ? 1 : 0];
    this.#memory.set(fields, FIELDS * this.#next);
    this.#next = (this.#next + 1) % ETA_JOURNEYS_REMEMBERED;
    this.#remembered = Math.min(this.#remembered + 1, ETA_JOURNEYS_REMEMBERED);
  }

  #rehearse(index: number): void {
    const traffic = this.#traffic;
    const field = (i: number): number => this.#memory[FIELDS * index + i] as number;
    const distance = field(4);
    traffic.headFor(field(2), field(3), field(6), field(9) === 1);
    const count = traffic.describe(field(0), field(1), distance, field(7), field(8));
    const error = Math.log(field(5) / (distance * CIRCUITY)) - traffic.logPace(count);
    const pull = SHARE * Math.max(-ERROR_MAX, Math.min(ERROR_MAX, error));
    for (let i = 0; i < count; i++) {
      const feature = traffic.features[i] as number;
      const share = traffic.shares[i] as number;
      const taught = (this.#taught[feature] as number) + share;
      this.#taught[feature] = taught;
      const step = Math.max(STEP_MIN, 1 / (taught + DOUBT));
      traffic.weights[feature] = (traffic.weights[feature] as number) + step * pull * share;
    }
  }

  /** Makes the position's cell and area known, as long as there is room. */
  #find(lat: number, lon: number): void {
    const { squares, wideSquares } = this.#traffic;
    this.#resolve(wideSquares, wideSquares.keyOf(lat, lon), AREA_RESOLUTION);
    this.#resolve(squares, squares.keyOf(lat, lon), CELL_RESOLUTION);
  }

  #resolve(squares: Squares, key: number, resolution: number): void {
    if (squares.has(key)) return;
    const name = latLngToCell(...squares.middleOf(key), resolution);
    const place = resolution === CELL_RESOLUTION ? this.#numberOfCell(name) : this.#numberOfArea(name);
    if (place !== 0) squares.put(key, place);
  }

  #numberOfCell(name: string): number {
    const known = this.#cells.get(name);
    if (known !== undefined) return known;
    if (this.#cells.size >= ETA_CELLS_MAX) return 0;
    const number = CELLS_FROM + this.#cells.size;
    this.#traffic.areas[number] = this.#numberOfArea(cellToParent(name, AREA_RESOLUTION));
    this.#cells.set(name, number);
    return number;
  }

  #numberOfArea(name: string): number {
    const known = this.#areas.get(name);
    if (known !== undefined) return known;
    if (this.#areas.size >= ETA_AREAS_MAX) return 0;
    const number = 1 + this.#areas.size;
    this.#areas.set(name, number);
    return number;
  }
}
