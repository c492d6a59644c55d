import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bboxContains, coverBbox, coverCircle, coverSpan, type FlatBox } from '../../../src/geo/boxes.ts';
import { distanceMeters, EARTH_RADIUS_METERS, normalLon } from '../../../src/geo/distance.ts';
import { coverPolygon, polygonContains, preparePolygon } from '../../../src/geo/polygons.ts';
import { type Position, unrollRing } from '../../../src/geo/rings.ts';
import { readShared, reportMissingData } from '../../support/shared-data.ts';

const SEED = 77_669_839;
const lats = fc.double({ min: -90, max: 90, noNaN: true });
const lons = fc.double({ min: -180, max: 180, noNaN: true });

/** How many of the boxes hold a point as a flat index holds it. */
function boxesWith(boxes: readonly FlatBox[], lat: number, lon: number): number {
  const x = normalLon(lon);
  return boxes.filter((box) => x >= box.west && x <= box.east && lat >= box.south && lat <= box.north).length;
}

/** The point so far from another in a direction: the direct problem on the sphere. */
function destination(lat: number, lon: number, meters: number, bearing: number): [number, number] {
  const [y, x, angle] = [(lat * Math.PI) / 180, (lon * Math.PI) / 180, meters / EARTH_RADIUS_METERS];
  const sine = Math.sin(y) * Math.cos(angle) + Math.cos(y) * Math.sin(angle) * Math.cos(bearing);
  const turn = Math.atan2(Math.sin(bearing) * Math.sin(angle) * Math.cos(y), Math.cos(angle) - Math.sin(y) * sine);
  const turned = ((x + turn) * 180) / Math.PI;
  const wrapped = turned - 360 * Math.round(turned / 360);
  return [Math.max(-90, Math.min(90, (Math.asin(Math.max(-1, Math.min(1, sine))) * 180) / Math.PI)), wrapped];
}

const wrap = (lon: number): number => lon - 360 * Math.round(lon / 360);

const closed = (ring: readonly Position[]): Position[] => [...ring, ring[0] as Position];

describe('covering boxes', () => {
  test('of a circle hold every point of it once, its rim above all', () => {
    const radius = fc.oneof(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.double({ min: 0, max: 2e7, noNaN: true }));
    const share = fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true }));
    const turn = fc.double({ min: 0, max: 7, noNaN: true });
    const centre = fc.tuple(
      fc.oneof(lats, fc.constantFrom(90, -90, 89.99, -89.9999)),
      fc.oneof(lons, fc.constantFrom(180, -180)),
    );
    fc.assert(
      fc.property(centre, radius, share, turn, ([lat, lon], meters, part, bearing) => {
        const [y, x] = destination(lat, lon, meters * part, bearing);
        if (distanceMeters(lat, lon, y, x) > meters) return;
        expect(boxesWith(coverCircle(lat, lon, meters), y, x)).toBe(1);
      }),
      { seed: SEED, numRuns: 20_000 },
    );
  });

  test('of a circle touch it at its widest, so they are not far too large', () => {
    const [box] = coverCircle(60, 0, 100_000);
    const angle = 100_000 / EARTH_RADIUS_METERS;
    expect(box?.east).toBeCloseTo((Math.asin(Math.sin(angle) / Math.cos(Math.PI / 3)) * 180) / Math.PI, 5);
  });

  test('of a bbox hold all that the bbox holds', () => {
    fc.assert(
      fc.property(
        lons,
        lons,
        lats,
        lats,
        lats,
        fc.oneof(lons, fc.constantFrom(180, -180)),
        (west, east, a, b, lat, lon) => {
          const [south, north] = [Math.min(a, b), Math.max(a, b)];
          if (!bboxContains(west, south, east, north, lat, lon)) return;
          expect(boxesWith(coverBbox(west, south, east, north), lat, lon)).toBe(1);
        },
      ),
      { seed: SEED, numRuns: 5_000 },
    );
  });

  test('of a span may start any number of turns away', () => {
    expect(boxesWith(coverSpan(530, 550, 0, 1), 0.5, 179)).toBe(1);
    expect(boxesWith(coverSpan(-550, -530, 0, 1), 0.5, -179)).toBe(1);
    expect(coverSpan(-1_000, 1_000, 0, 1)).toHaveLength(1);
  });
});

describe('unrolled rings', () => {
  test('stay bit for bit as they were where nothing is crossed', () => {
    const ring: Position[] = [
      [0.1, 0.2],
      [100.3, 0.7],
      [50.123456789, 60],
      [0.1, 0.2],
    ];
    expect(unrollRing(ring).positions).toEqual(ring);
  });

  test('go on past the antimeridian, either way', () => {
    const ring: Position[] = [
      [170, 0],
      [-170, 0],
      [-170, 10],
      [170, 10],
      [170, 0],
    ];
    expect(unrollRing(ring).positions.map(([x]) => x)).toEqual([170, 190, 190, 170, 170]);
    const reversed = [...ring].reverse().slice(1);
    expect(unrollRing([...reversed, reversed[0] as Position])).toMatchObject({ west: 170, east: 190 });
  });

  test('take exactly half a turn as it is written', () => {
    const ring: Position[] = [
      [-90, 0],
      [90, 0],
      [0, 50],
      [-90, 0],
    ];
    expect(unrollRing(ring).positions).toEqual(ring);
  });
});

describe('point in polygon', () => {
  test('does not depend on where the ring starts, its orientation, or the meridian that it lies on', () => {
    const shape: Position[] = [
      [0, 0],
      [20, -5],
      [10, 3],
      [15, 20],
      [-10, 12],
    ];
    const point = fc.tuple(fc.integer({ min: -12, max: 22 }), fc.integer({ min: -6, max: 21 }));
    fc.assert(
      fc.property(point, fc.integer({ min: -12, max: 12 }), fc.nat(4), fc.boolean(), ([x, y], step, start, flip) => {
        const turned = [...shape.slice(start), ...shape.slice(0, start)].map(
          ([lon, lat]): Position => [wrap(lon + 15 * step), lat],
        );
        if (flip) turned.reverse();
        const expected = polygonContains(preparePolygon([closed(shape)]), y, x);
        expect(polygonContains(preparePolygon([closed(turned)]), y, wrap(x + 15 * step))).toBe(expected);
      }),
      { seed: SEED, numRuns: 3_000 },
    );
  });

  test('is covered by the boxes of the polygon', () => {
    const corner = fc.tuple(lons, lats);
    fc.assert(
      fc.property(fc.array(corner, { minLength: 3, maxLength: 6 }), lats, lons, (corners, lat, lon) => {
        const polygon = preparePolygon([[...corners, corners[0] as Position]]);
        if (polygonContains(polygon, lat, lon)) expect(boxesWith(coverPolygon(polygon), lat, lon)).toBe(1);
      }),
      { seed: SEED, numRuns: 5_000 },
    );
  });
});

interface TurfCase {
  readonly point: unknown;
  readonly polygon: unknown;
  readonly ignoreBoundary?: boolean;
  readonly expected: boolean;
}

describe('point-in-polygon cases that turf records', () => {
  const FILE = 'suites/turf_pip/boolean_point_in_polygon_cases.json';
  reportMissingData(FILE);
  const text = readShared(FILE);
  if (text === undefined) return;

  test('come out the same', () => {
    const parsed = JSON.parse(text) as TurfCase[] | { cases: TurfCase[] };
    const cases = (Array.isArray(parsed) ? parsed : parsed.cases).filter((one) => one.ignoreBoundary !== true);
    expect(cases.length).toBeGreaterThan(50);
    for (const one of cases) {
      const geometry = geometryOf(one.polygon);
      const [lon, lat] = coordinatesOf(one.point);
      const polygons = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates;
      // Longitudes past 180 or latitudes past 90 are flat figures, not places.
      if (!(Math.abs(lon) <= 180 && Math.abs(lat) <= 90) || !onMap(polygons as Position[][][])) continue;
      const inside = (polygons as Position[][][]).some((rings) => polygonContains(preparePolygon(rings), lat, lon));
      expect([JSON.stringify(one).slice(0, 300), inside]).toEqual([JSON.stringify(one).slice(0, 300), one.expected]);
    }
  });
});

function onMap(polygons: readonly Position[][][]): boolean {
  return polygons.flat(2).every(([lon, lat]) => Math.abs(lon) <= 180 && Math.abs(lat) <= 90);
}

function geometryOf(value: unknown): { type: string; coordinates: unknown } {
  const feature = value as { geometry?: { type: string; coordinates: unknown }; type: string; coordinates: unknown };
  return feature.geometry ?? feature;
}

function coordinatesOf(value: unknown): [number, number] {
  return (Array.isArray(value) ? value : geometryOf(value).coordinates) as [number, number];
}
