// Areas to search within: boxes, circles and GeoJSON polygons, checked as they come in. What passes is safe for the engine: every
// position finite and in range, every ring closed, the number of vertices bounded.

import { RazielError } from '../errors.ts';
import type { Area, Ring } from '../drivers/engine.ts';
import { GEOMETRY_VERTICES_MAX } from '../limits.ts';
import { isFields, readNumber } from './fields.ts';
import { PARAMETERS } from './parameters.ts';
import { refusal, show } from './refusal.ts';

/** `[west, south, east, north]`; south ≤ north, west > east crosses the antimeridian. */
export function readBbox(value: unknown): Extract<Area, { kind: 'bbox' }> {
  const rule = 'must be [west, south, east, north] in degrees, longitudes within -180..180, latitudes within -90..90';
  if (!Array.isArray(value) || value.length !== 4) throw refusal('BAD_BBOX', 'bbox', rule, value);
  const [west, south, east, north] = value;
  for (const lon of [west, east]) if (!isWithin(lon, 180)) throw refusal('BAD_BBOX', 'bbox', rule, lon);
  for (const lat of [south, north]) if (!isWithin(lat, 90)) throw refusal('BAD_BBOX', 'bbox', rule, lat);
  if (south > north) {
    throw new RazielError('BAD_BBOX', `bbox must have south ≤ north, got ${south} and ${north}`, { field: 'bbox' });
  }
  return { kind: 'bbox', west, south, east, north };
}

/** `{"lat", "lon", "radius"}`. */
export function readCircle(value: unknown): Area {
  if (!isFields(value)) throw refusal('BAD_REQUEST', 'circle', 'must be {"lat", "lon", "radius"}', value);
  return {
    kind: 'circle',
    lat: readNumber(value, PARAMETERS.LAT),
    lon: readNumber(value, PARAMETERS.LON),
    radiusMeters: readNumber(value, PARAMETERS.CIRCLE_RADIUS),
  };
}

/**
 * A GeoJSON Polygon or MultiPolygon. Positions are [lon, lat]; what follows in a position (a height) is ignored.
 * @throws RazielError BAD_GEOMETRY that names the polygon, ring and position at fault.
 */
export function readGeometry(value: unknown): Area {
  if (!isFields(value)) throw bad(`must be a GeoJSON Polygon or MultiPolygon, got ${show(value)}`);
  const { type, coordinates } = value;
  if (type !== 'Polygon' && type !== 'MultiPolygon')
    throw bad(`type must be Polygon or MultiPolygon, got ${show(type)}`);
  const parts: unknown = type === 'Polygon' ? [coordinates] : coordinates;
  if (!Array.isArray(parts) || parts.length === 0) throw bad(`must have coordinates of one polygon or more`);
  const room = { vertices: GEOMETRY_VERTICES_MAX };
  return { kind: 'polygons', polygons: parts.map((part, index) => readPolygon(part, index, room)) };
}

interface Room {
  vertices: number;
}

function readPolygon(value: unknown, part: number, room: Room): Ring[] {
  if (!Array.isArray(value) || value.length === 0)
    throw bad(`polygon ${part} must be a list of one ring or more, got ${show(value)}`);
  return value.map((ring: unknown, index) => readRing(ring, `polygon ${part} ring ${index}`, room));
}

function readRing(value: unknown, where: string, room: Room): Ring {
  if (!Array.isArray(value)) throw bad(`${where} must be a list of positions, got ${show(value)}`);
  if (value.length < 4) throw bad(`${where} must have 4 positions or more, got ${value.length}`);
  room.vertices -= value.length;
  if (room.vertices < 0) throw bad(`must have at most ${GEOMETRY_VERTICES_MAX} positions in all, got more`);
  const ring = value.map((position: unknown, index): [number, number] => {
    if (!Array.isArray(position) || position.length < 2 || !isWithin(position[0], 180) || !isWithin(position[1], 90)) {
      const got = Array.isArray(position) ? `[${position.slice(0, 3).map(show).join(', ')}]` : show(position);
      throw bad(`${where} position ${index} must be [lon, lat] within -180..180 and -90..90, got ${got}`);
    }
    return [position[0], position[1]];
  });
  const first = ring[0] as [number, number];
  const last = ring[ring.length - 1] as [number, number];
  if (first[0] !== last[0] || first[1] !== last[1]) {
    throw bad(`${where} must end where it begins: it begins at [${first.join(', ')}] and ends at [${last.join(', ')}]`);
  }
  return ring;
}

function isWithin(value: unknown, bound: number): value is number {
  return typeof value === 'number' && value >= -bound && value <= bound;
}

function bad(message: string): RazielError {
  return new RazielError('BAD_GEOMETRY', `geometry ${message}`, { field: 'geometry' });
}
