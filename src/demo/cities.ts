// Where a demo can take place: a middle, how far the fleet goes from it, and which way the streets run.

import { RazielError } from '../errors.ts';

export interface City {
  readonly name: string;
  readonly lat: number;
  readonly lon: number;
  readonly radiusMeters: number;
  /** How far the grid of streets is turned clockwise from north, degrees. */
  readonly gridDegrees: number;
}

export const CITIES: Readonly<Record<string, City>> = {
  'san-francisco': { name: 'San Francisco', lat: 37.7616, lon: -122.4376, radiusMeters: 5_500, gridDegrees: 5 },
  'new-york': { name: 'New York', lat: 40.7549, lon: -73.984, radiusMeters: 5_000, gridDegrees: 29 },
  london: { name: 'London', lat: 51.5117, lon: -0.1197, radiusMeters: 8_000, gridDegrees: 12 },
  reykjavik: { name: 'Reykjavík', lat: 64.131, lon: -21.9, radiusMeters: 3_000, gridDegrees: 20 },
  tokyo: { name: 'Tokyo', lat: 35.6895, lon: 139.7301, radiusMeters: 9_000, gridDegrees: 15 },
  sydney: { name: 'Sydney', lat: -33.8885, lon: 151.199, radiusMeters: 5_000, gridDegrees: 8 },
};

/** @throws RazielError BAD_REQUEST for a name that is not there */
export function cityByName(name: string): City {
  const city = CITIES[name.toLowerCase().replaceAll(' ', '-')];
  if (city === undefined) {
    throw new RazielError(
      'BAD_REQUEST',
      `no city "${name}"; there are ${Object.keys(CITIES).join(', ')}, or give --center LAT,LON`,
    );
  }
  return city;
}

/** A city anywhere: `37.77,-122.42`. @throws RazielError BAD_LAT, BAD_LON, BAD_REQUEST */
export function cityAround(center: string): City {
  const parts = center.split(',');
  const [lat = Number.NaN, lon = Number.NaN] = parts.map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (parts.length !== 2 || Number.isNaN(lat) || Number.isNaN(lon)) {
    throw new RazielError('BAD_REQUEST', `a center is LAT,LON in degrees, got "${center}"`);
  }
  // The streets are laid out on a plane, which the poles are not on.
  if (Math.abs(lat) > 85) throw new RazielError('BAD_LAT', `the center's lat must be within -85..85, got ${lat}`);
  if (Math.abs(lon) > 180) throw new RazielError('BAD_LON', `the center's lon must be within -180..180, got ${lon}`);
  return { name: `${lat}, ${lon}`, lat, lon, radiusMeters: 5_500, gridDegrees: 0 };
}
