// Point in polygon with edges straight in longitude and latitude, anywhere on the map: turf decides on unrolled rings.
//
// The boundary belongs to the polygon, that of a hole too: a point on a hole's edge is in. Shell and holes are unrolled each on its own
// (a hole may be written a turn away from its shell), so each ring is asked at every turn at which it could hold the point.
//
//   const fiji = preparePolygon([[[177, -20], [-178, -20], [-178, -15], [177, -15], [177, -20]]]);
//   polygonContains(fiji, -17, -179.5) // true

import { booleanPointInPolygon } from '@turf/boolean-point-in-polygon';
import { coverSpan, type FlatBox } from './boxes.ts';
import { type Position, type UnrolledRing, unrollRing } from './rings.ts';

interface PreparedRing extends UnrolledRing {
  readonly geometry: { readonly type: 'Polygon'; readonly coordinates: [number, number][][] };
}

export interface PreparedPolygon {
  readonly shell: PreparedRing;
  readonly holes: readonly PreparedRing[];
  /** Positions in all rings, as unrolled. */
  readonly vertices: number;
}

function prepareRing(ring: readonly Position[]): PreparedRing {
  const unrolled = unrollRing(ring);
  return {
    ...unrolled,
    geometry: { type: 'Polygon', coordinates: [unrolled.positions as unknown as [number, number][]] },
  };
}

/** @param rings closed, [lon, lat] positions, the shell first, then its holes; at least the shell. */
export function preparePolygon(rings: readonly (readonly Position[])[]): PreparedPolygon {
  const [shell, ...holes] = rings.map(prepareRing);
  if (shell === undefined) throw new RangeError('a polygon needs a shell');
  const vertices = holes.reduce((sum, hole) => sum + hole.positions.length, shell.positions.length);
  return { shell, holes, vertices };
}

/** Whether the point is inside the polygon or on an edge of it. Latitude −90..90, longitude −180..180. */
export function polygonContains(polygon: PreparedPolygon, lat: number, lon: number): boolean {
  if (!ringHolds(polygon.shell, lat, lon, false)) return false;
  return !polygon.holes.some((hole) => ringHolds(hole, lat, lon, true));
}

/** The boxes that cover a polygon, for a search in a flat index. */
export function coverPolygon(polygon: PreparedPolygon): FlatBox[] {
  const { shell } = polygon;
  if (shell.turnWest !== undefined) return coverSpan(-180, 180, Math.max(shell.south, -90), Math.min(shell.north, 90));
  return coverSpan(shell.west, shell.east, shell.south, shell.north);
}

function ringHolds(ring: PreparedRing, lat: number, lon: number, ignoreBoundary: boolean): boolean {
  if (lat < ring.south || lat > ring.north) return false;
  const from = ring.turnWest ?? ring.west;
  const to = ring.turnWest === undefined ? ring.east : from;
  // Rounding must not skip the turn at which the point lies exactly on the west end.
  for (let turns = Math.ceil((from - lon) / 360 - 1e-9); ; turns++) {
    const x = lon + 360 * turns;
    if (x > to && ring.turnWest === undefined) return false;
    if (booleanPointInPolygon([x, lat], ring.geometry, { ignoreBoundary })) return true;
    if (ring.turnWest !== undefined) return false;
  }
}
