// GeoJSON rings become flat coordinates, checked as they come: positions, closure, number of positions. With `repair`, open rings are closed
// and rings of no area dropped.

import { RazielError } from '../errors.ts';
import { ZONE_POSITIONS_MAX } from '../limits.ts';
import type { FaultList, FaultPlace } from './faults.ts';
import { orient } from './orient.ts';
import type { Repairs } from './repairs.ts';

/** Coordinates that grow: lon, lat, lon, lat, … */
export class CoordinateList {
  #values = new Float64Array(4096);
  /** Positions, not numbers. */
  count = 0;

  /** @throws RazielError TOO_LARGE past ZONE_POSITIONS_MAX */
  push(lon: number, lat: number): void {
    if (this.count === ZONE_POSITIONS_MAX) {
      throw new RazielError('TOO_LARGE', `a layer has at most ${ZONE_POSITIONS_MAX} positions`);
    }
    const at = 2 * this.count++;
    if (at === this.#values.length) {
      const grown = new Float64Array(2 * this.#values.length);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[at] = lon;
    this.#values[at + 1] = lat;
  }

  /** Valid until the next push. */
  get values(): Float64Array {
    return this.#values;
  }

  finish(): Float64Array {
    return this.#values.slice(0, 2 * this.count);
  }
}

/** 'kept': the ring is in the list. 'dropped': it had no area, and repair took it out. 'bad': it had a fault. */
export type RingOutcome = 'kept' | 'dropped' | 'bad';

/** Appends one ring, or reports its faults; `repairs` is there when they are wanted. */
export function readRing(
  value: unknown,
  place: FaultPlace,
  into: CoordinateList,
  faults: FaultList,
  repairs: Repairs | undefined,
): RingOutcome {
  if (!Array.isArray(value)) {
    faults.add('BAD_GEOMETRY', place, () => `a ring must be an array of positions, got ${kindOf(value)}`);
    return 'bad';
  }
  const start = into.count;
  let good = true;
  for (let i = 0; i < value.length; i++) {
    const position: unknown = value[i];
    if (isPosition(position)) {
      into.push(position[0], position[1]);
    } else {
      good = false;
      faults.add('BAD_POSITION', { ...place, position: i }, () => whyBad(position));
    }
  }
  if (good) good = checkRing(start, place, into, faults, repairs);
  if (good) joinAtAntimeridian(into.values, start, into.count);
  if (good && repairs !== undefined && hasNoArea(into.values, start, into.count)) {
    repairs.add('DROPPED_RING', place, 'the ring had no area and was dropped');
    into.count = start;
    return 'dropped';
  }
  if (!good) into.count = start;
  return good ? 'kept' : 'bad';
}

function checkRing(
  start: number,
  place: FaultPlace,
  into: CoordinateList,
  faults: FaultList,
  repairs: Repairs | undefined,
): boolean {
  const { values } = into;
  const given = into.count - start;
  const last = into.count - 1;
  const closed = given > 0 && values[2 * start] === values[2 * last] && values[2 * start + 1] === values[2 * last + 1];
  let good = true;
  if (!closed && given > 0 && repairs !== undefined) {
    into.push(values[2 * start] as number, values[2 * start + 1] as number);
    repairs.add('CLOSED_RING', place, 'the ring was closed with its first position');
  } else if (!closed && given > 0) {
    good = false;
    const text = `[${values[2 * start]},${values[2 * start + 1]}] … [${values[2 * last]},${values[2 * last + 1]}]`;
    faults.add('NOT_CLOSED', place, () => `a ring must end with the position that it begins with, got ${text}`);
  }
  if (repairs !== undefined && given > 0) return good; // what has too few positions has no area, and is dropped for that
  if (given < 4) {
    good = false;
    faults.add('TOO_FEW_POSITIONS', place, () => `a ring must have 4 positions or more, got ${given}`);
  }
  return good;
}

function isPosition(value: unknown): value is [number, number] {
  if (!Array.isArray(value) || value.length < 2) return false;
  const lon: unknown = value[0];
  const lat: unknown = value[1];
  return typeof lon === 'number' && typeof lat === 'number' && lon >= -180 && lon <= 180 && lat >= -90 && lat <= 90;
}

function whyBad(value: unknown): string {
  if (!Array.isArray(value)) return `a position must be [lon, lat], got ${kindOf(value)}`;
  if (value.length < 2)
    return `a position must be [lon, lat], got ${value.length} number${value.length === 1 ? '' : 's'}`;
  const [lon, lat] = value as unknown[];
  if (typeof lon !== 'number' || typeof lat !== 'number') {
    return `a position must be [lon, lat] in numbers, got [${kindOf(lon)}, ${kindOf(lat)}]`;
  }
  if (!(lon >= -180 && lon <= 180)) return `lon must be within -180..180, got ${lon}`;
  return `lat must be within -90..90, got ${lat}`;
}

/** What a value is, for a message. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  return value === undefined ? 'nothing' : String(value);
}

function same(values: Float64Array, i: number, j: number): boolean {
  return values[2 * i] === values[2 * j] && values[2 * i + 1] === values[2 * j + 1];
}

/**
 * From −180 to 180 along one latitude is an edge of the map. But a ring that would go around the axis only for the sake of such an edge (as
 * where mapping tools join what was cut: …, [-180,y], [180,y], …) means one position written twice; it is written in one way here.
 */
function joinAtAntimeridian(values: Float64Array, start: number, end: number): void {
  let turns = 0;
  let joints = 0;
  for (let i = start + 1; i < end; i++) {
    const step = (values[2 * i] as number) - (values[2 * i - 2] as number);
    if (Math.abs(step) === 360 && values[2 * i + 1] === values[2 * i - 1]) joints++;
    else if (Math.abs(step) > 180) turns += step > 0 ? -1 : 1;
  }
  if (turns % 2 === 0 || joints % 2 === 0) return;
  for (let i = start; i < end; i++) {
    if (values[2 * i] === 180) values[2 * i] = -180;
  }
}

/** Whether all positions lie on one line. */
function hasNoArea(values: Float64Array, start: number, end: number): boolean {
  let second = start;
  while (second < end && same(values, start, second)) second++;
  if (second === end) return true;
  const ax = values[2 * start] as number;
  const ay = values[2 * start + 1] as number;
  const bx = values[2 * second] as number;
  const by = values[2 * second + 1] as number;
  for (let i = second + 1; i < end; i++) {
    if (orient(ax, ay, bx, by, values[2 * i] as number, values[2 * i + 1] as number) !== 0) return false;
  }
  // A parallel all around the axis lies on one line, and holds a pole all the same.
  for (let i = start + 1; i < end; i++) {
    if (Math.abs((values[2 * i] as number) - (values[2 * i - 2] as number)) > 180) return false;
  }
  return true;
}
