import { distance } from '@turf/distance';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { distanceMeters, EARTH_RADIUS_METERS, normalLon } from '../../../src/geo/distance.ts';

const SEED = 77_669_839;
const lat = fc.double({ min: -90, max: 90, noNaN: true });
const lon = fc.double({ min: -180, max: 180, noNaN: true });

/** A point on the unit sphere. */
const vector = (la: number, lo: number): [number, number, number] => {
  const [y, x] = [(la * Math.PI) / 180, (lo * Math.PI) / 180];
  return [Math.cos(y) * Math.cos(x), Math.cos(y) * Math.sin(x), Math.sin(y)];
};

/** The angle between two points as vectors, by atan2 of cross and dot product: another way to the same distance. */
function byVectors(latA: number, lonA: number, latB: number, lonB: number): number {
  const [a, b] = [vector(latA, lonA), vector(latB, lonB)];
  const cross = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  const dot = a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  return EARTH_RADIUS_METERS * Math.atan2(Math.hypot(...cross), dot);
}

describe('distance on the sphere', () => {
  test('agrees with the angle between vectors to a micrometre, antipodes included', () => {
    fc.assert(
      fc.property(lat, lon, lat, lon, (latA, lonA, latB, lonB) => {
        expect(Math.abs(distanceMeters(latA, lonA, latB, lonB) - byVectors(latA, lonA, latB, lonB))).toBeLessThan(1e-6);
      }),
      { seed: SEED, numRuns: 2_000 },
    );
    const half = Math.PI * EARTH_RADIUS_METERS;
    expect(distanceMeters(12, 34, -12, -146)).toBeCloseTo(half, 6);
    expect(half - distanceMeters(12, 34, -12, -146 + 1e-6)).toBeCloseTo(
      byVectors(0, 0, 0, 1e-6) * Math.cos(0.2094395102),
      4,
    );
  });

  test('agrees with turf to a tenth of a millimetre', () => {
    const turf = distance([13.361389, 38.115556], [15.087269, 37.502669], { units: 'meters' });
    expect(distanceMeters(38.115556, 13.361389, 37.502669, 15.087269)).toBeCloseTo(turf, 4);
  });

  test('tells a micrometre from nothing', () => {
    const degree = (Math.PI / 180) * EARTH_RADIUS_METERS;
    expect(distanceMeters(0, 0, 1e-11, 0)).toBeCloseTo(1e-11 * degree, 12);
    expect(distanceMeters(37.7751, -122.4194, 37.7751, -122.4194)).toBe(0);
  });

  test('is symmetric, and exactly 0 only at one position', () => {
    fc.assert(
      fc.property(lat, lon, lat, lon, (latA, lonA, latB, lonB) => {
        expect(distanceMeters(latA, lonA, latB, lonB)).toBe(distanceMeters(latB, lonB, latA, lonA));
        expect(distanceMeters(latA, 180, latB, lonB)).toBe(distanceMeters(latA, -180, latB, lonB));
        expect(distanceMeters(90, lonA, latB, lonB)).toBe(distanceMeters(90, 0, latB, lonB));
      }),
      { seed: SEED },
    );
    expect(distanceMeters(5, 180, 5, -180)).toBe(0);
    expect(distanceMeters(-90, 17, -90, -100)).toBe(0);
  });

  test('names one meridian 180, and leaves every other alone', () => {
    expect([normalLon(-180), normalLon(180), normalLon(-179.999), normalLon(0)]).toEqual([180, 180, -179.999, 0]);
  });
});
