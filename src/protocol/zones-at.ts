// What a lookup of zones asks: one point, or many, in all layers or in one.

import { RazielError } from '../errors.ts';
import { ZONE_POINTS_MAX } from '../limits.ts';
import { type Fields, isGiven, readNumber, refuseUnknown } from './fields.ts';
import { PARAMETERS as P } from './parameters.ts';
import { refusal, show } from './refusal.ts';

export type ZonesAtQuery = { readonly layer: string | undefined } & (
  | { readonly lat: number; readonly lon: number }
  /** lat, lon, lat, lon, … */
  | { readonly points: Float64Array }
);

const NAMES: ReadonlySet<string> = new Set([P.LAT.name, P.LON.name, P.POINTS.name, P.LAYER.name]);

/** `lat` and `lon`, or `points`; `layer`. */
export function readZonesAt(fields: Fields): ZonesAtQuery {
  refuseUnknown(fields, NAMES, 'zonesAt');
  const layer = readLayer(fields['layer']);
  if (!isGiven(fields['points'])) {
    return { lat: readNumber(fields, P.LAT), lon: readNumber(fields, P.LON), layer };
  }
  if (isGiven(fields['lat']) || isGiven(fields['lon'])) {
    throw new RazielError('BAD_REQUEST', 'points come instead of lat and lon, got both', { field: 'points' });
  }
  return { points: readPoints(fields['points']), layer };
}

function readLayer(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw refusal('BAD_LAYER', 'layer', "must be a layer's name", value);
  return value;
}

function readPoints(value: unknown): Float64Array {
  if (!Array.isArray(value)) throw refusal('BAD_REQUEST', 'points', 'must be a list of [lat, lon]', value);
  if (value.length > ZONE_POINTS_MAX) {
    throw new RazielError('TOO_LARGE', `points must be at most ${ZONE_POINTS_MAX}, got ${value.length}`, {
      field: 'points',
    });
  }
  const points = new Float64Array(2 * value.length);
  value.forEach((point: unknown, i) => {
    const [lat, lon] = Array.isArray(point) && point.length === 2 ? point : [];
    if (!isWithin(lat, 90)) throw badPoint('BAD_LAT', i, point, lat);
    if (!isWithin(lon, 180)) throw badPoint('BAD_LON', i, point, lon);
    points[2 * i] = lat;
    points[2 * i + 1] = lon;
  });
  return points;
}

function isWithin(value: unknown, bound: number): value is number {
  return typeof value === 'number' && value >= -bound && value <= bound;
}

function badPoint(code: 'BAD_LAT' | 'BAD_LON', index: number, point: unknown, value: unknown): RazielError {
  const isPair = Array.isArray(point) && point.length === 2;
  const rule = `point ${index} must be [lat, lon] within -90..90 and -180..180`;
  const got = isPair ? `${code === 'BAD_LAT' ? 'lat' : 'lon'} ${show(value)}` : show(point);
  return new RazielError(isPair ? code : 'BAD_REQUEST', `${rule}, got ${got}`, { field: 'points', index });
}
