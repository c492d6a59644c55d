// One polygon of a feature: its rings are read, then compared with each other (crossings, holes), then measured.

import { ZONE_FAULTS_LISTED_MAX } from '../limits.ts';
import { findCrossings } from './crossings.ts';
import { PolygonEdges } from './edges.ts';
import type { FaultList, FaultPlace } from './faults.ts';
import { holesOutside } from './holes.ts';
import { polygonArea } from './measure.ts';
import type { Repairs } from './repairs.ts';
import { type CoordinateList, kindOf, readRing } from './ring-reader.ts';

export interface PolygonOutcome {
  /** One past the last position of each ring that was kept. */
  readonly ringEnds: readonly number[];
  /** Square metres. */
  readonly area: number;
}

const edges = new PolygonEdges();

/** Appends the polygon's rings and says where they end; undefined when nothing of it can be kept. */
export function readPolygon(
  value: unknown,
  place: FaultPlace,
  into: CoordinateList,
  faults: FaultList,
  repairs: Repairs | undefined,
): PolygonOutcome | undefined {
  if (!Array.isArray(value) || value.length === 0) {
    const what = Array.isArray(value) ? 'an empty array' : kindOf(value);
    faults.add('BAD_GEOMETRY', place, () => `a polygon must be an array of rings, its shell first, got ${what}`);
    return undefined;
  }
  const first = into.count;
  const starts: number[] = [];
  const ends: number[] = [];
  const ringNumbers: number[] = [];
  let shellKept = false;
  let bad = false;
  for (let ring = 0; ring < value.length; ring++) {
    const start = into.count;
    const outcome = readRing(value[ring], { ...place, ring }, into, faults, repairs);
    bad ||= outcome === 'bad';
    if (outcome !== 'kept') {
      if (ring === 0 && outcome === 'dropped') break;
      continue;
    }
    shellKept ||= ring === 0;
    starts.push(start);
    ends.push(into.count);
    ringNumbers.push(ring);
  }
  if (!shellKept && !bad) repairs?.add('DROPPED_PART', place, 'the polygon had no shell left and was dropped');
  const rings = { coordinates: into.values, starts, ends };
  if (starts.length > 0) compareRings(rings, ringNumbers, place, shellKept, faults, repairs);
  if (bad || !shellKept) {
    into.count = first;
    return undefined;
  }
  return { ringEnds: ends, area: polygonArea(into.values, starts, ends) };
}

/** Appends the shell of a polygon though it has no area, closed; for a zone that would have nothing else. */
export function readLastRing(
  value: unknown,
  place: FaultPlace,
  into: CoordinateList,
  faults: FaultList,
): PolygonOutcome | undefined {
  const ring: unknown = Array.isArray(value) ? value[0] : undefined;
  if (!Array.isArray(ring) || ring.length === 0) {
    faults.add('TOO_FEW_POSITIONS', { ...place, ring: 0 }, () => 'a ring must have 4 positions or more, got 0');
    return undefined;
  }
  for (const [lon, lat] of [...ring, ring[0]]) into.push(lon, lat);
  return { ringEnds: [into.count], area: 0 };
}

/** Reports what is wrong between rings, as faults or as repairs. */
function compareRings(
  rings: { coordinates: Float64Array; starts: number[]; ends: number[] },
  ringNumbers: readonly number[],
  place: FaultPlace,
  shellKept: boolean,
  faults: FaultList,
  repairs: Repairs | undefined,
): void {
  edges.take(rings);
  const crossings = findCrossings(edges, ZONE_FAULTS_LISTED_MAX);
  for (const [i, j] of crossings.pairs) {
    const where = {
      ...place,
      ring: ringNumbers[edges.ring[i] as number] as number,
      position: edges.position[i] as number,
    };
    if (repairs === undefined) faults.add('SELF_CROSSING', where, () => crossingMessage(i, j, ringNumbers));
    else repairs.add('SELF_CROSSING', where, `${crossingMessage(i, j, ringNumbers)}: taken by the even-odd rule`);
  }
  (repairs ?? faults).addUnlisted(crossings.count - crossings.pairs.length);
  if (!shellKept) return;
  const outside = holesOutside(rings);
  for (const { ring, other } of outside) {
    const where = { ...place, ring: ringNumbers[ring] as number };
    const message = other === 0 ? 'the hole is not inside of its shell' : `the hole lies in hole ${ringNumbers[other]}`;
    if (repairs === undefined) faults.add('HOLE_OUTSIDE', where, () => message);
    else repairs.add('HOLE_OUTSIDE', where, `${message}: taken by the even-odd rule`);
  }
}

function crossingMessage(i: number, j: number, ringNumbers: readonly number[]): string {
  const text = (edge: number): string =>
    `[${edges.x1[edge]},${edges.y1[edge]}] to [${edges.x2[edge]},${edges.y2[edge]}]`;
  const other = `of ring ${ringNumbers[edges.ring[j] as number]} at position ${edges.position[j]}`;
  return `the edge from ${text(i)} crosses the edge from ${text(j)} ${other}`;
}
