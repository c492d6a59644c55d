// What eta.multitraveltime is asked by its name: `{"from": [{"lat", "lon", "heading"?, "speed"?}, …], "to": {"lat", "lon"}}`.

import type { Origins } from '../eta/travel-times.ts';
import { RazielError } from '../errors.ts';
import { distanceMeters } from '../geo/distance.ts';
import { ETA_CANDIDATES_MAX } from '../limits.ts';
import { type Fields, isFields, readNumber, readOptionalNumber, refuseUnknown } from './fields.ts';
import { PARAMETERS as P } from './parameters.ts';
import { refusal } from './refusal.ts';

export interface TravelTimesQuery {
  readonly from: Origins;
  readonly lat: number;
  readonly lon: number;
}

const NAMES: ReadonlySet<string> = new Set(['from', 'to']);
const PLACE: ReadonlySet<string> = new Set(['lat', 'lon']);
const ORIGIN: ReadonlySet<string> = new Set(['lat', 'lon', 'heading', 'speed']);
const HEADING = { name: 'heading', type: 'number', code: 'BAD_REQUEST', min: 0, max: 360, description: '' } as const;
const SPEED = { name: 'speed', type: 'number', code: 'BAD_REQUEST', min: 0, description: '' } as const;

/** @throws RazielError; for a bad place of `from` with its index */
export function readTravelTimes(fields: Fields): TravelTimesQuery {
  refuseUnknown(fields, NAMES, 'eta.multitraveltime');
  const { from, to } = fields;
  if (!isFields(to)) throw refusal('BAD_REQUEST', 'to', 'must be a map of lat and lon', to);
  refuseUnknown(to, PLACE, 'to');
  const lat = readNumber(to, P.LAT);
  const lon = readNumber(to, P.LON);
  if (!Array.isArray(from) || from.length === 0 || from.length > ETA_CANDIDATES_MAX) {
    throw refusal('BAD_REQUEST', 'from', `must be a list of 1..${ETA_CANDIDATES_MAX} places`, from);
  }
  const origins = from.map((origin: unknown, index) => readOrigin(origin, index, lat, lon));
  const at = (row: number): Origin => origins[row] as Origin;
  return {
    from: {
      count: origins.length,
      lat: (row) => at(row).lat,
      lon: (row) => at(row).lon,
      distance: (row) => at(row).distance,
      heading: (row) => at(row).heading,
      speed: (row) => at(row).speed,
    },
    lat,
    lon,
  };
}

type Origin = ReturnType<typeof readOrigin>;

function readOrigin(origin: unknown, index: number, toLat: number, toLon: number) {
  try {
    if (!isFields(origin)) throw refusal('BAD_REQUEST', 'from', 'must hold maps of lat and lon', origin);
    refuseUnknown(origin, ORIGIN, 'a place of from');
    const lat = readNumber(origin, P.LAT);
    const lon = readNumber(origin, P.LON);
    const heading = readOptionalNumber(origin, HEADING) ?? Number.NaN;
    const speed = readOptionalNumber(origin, SPEED) ?? Number.NaN;
    return { lat, lon, heading, speed, distance: distanceMeters(lat, lon, toLat, toLon) };
  } catch (error) {
    if (!(error instanceof RazielError)) throw error;
    const { code, field = 'from', message } = error;
    throw new RazielError(code, `place ${index}: ${message}`, { field, index });
  }
}
