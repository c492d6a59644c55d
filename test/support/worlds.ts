// Random worlds for the property tests: where drivers are, what happens to them, and what is then asked. Everything comes out of
// fast-check's seed, and shrinks.

import * as fc from 'fast-check';
import type { Area, Filters, Ring, SearchQuery } from '../../src/drivers/engine.ts';

type Point = readonly [lat: number, lon: number];

export type Step =
  | { readonly kind: 'batch'; readonly fixes: readonly unknown[] }
  | { readonly kind: 'remove'; readonly id: string }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'sweep' }
  | { readonly kind: 'search'; readonly query: SearchQuery };

export interface Scenario {
  readonly driversMax: number;
  readonly ttlSecondsDefault: number;
  readonly steps: readonly Step[];
}

export const IDS: readonly string[] = Array.from({ length: 60 }, (_, i) => {
  const prefix = ['d', 'driver:', 'é', '🚕', '\uffee', 'x'.repeat(120)][i % 6] as string;
  return `${prefix}${i}`;
});

const TAGS = ['free', 'xl', 'busy', 'pet', 'é'];

/** To a hundred-millionth of a degree, a millimetre: what lies below is no place on Earth, and products of it underflow. */
const real = (min: number, max: number): fc.Arbitrary<number> =>
  fc.double({ min, max, noNaN: true }).map((value) => Math.round(value * 1e8) / 1e8);
const clampLat = (lat: number): number => Math.max(-90, Math.min(90, lat));
const wrapLon = (lon: number): number => (lon > 180 ? lon - 360 : lon < -180 ? lon + 360 : lon);

const around = (lat: number, lon: number, spread: number): fc.Arbitrary<Point> =>
  fc.tuple(real(-spread, spread), real(-spread, spread)).map(([y, x]) => [clampLat(lat + y), wrapLon(lon + x)]);

/** Points of one kind of world each. */
const KINDS_OF_POINTS: readonly fc.Arbitrary<Point>[] = [
  // Anywhere.
  fc.tuple(real(-90, 90), real(-180, 180)),
  // Clusters, dense and less so.
  fc.oneof(around(37.7751, -122.4194, 0.05), around(51.5, 0, 0.001), around(-1.29, 36.82, 1)),
  // The poles.
  fc.oneof(
    fc.tuple(real(89.9, 90), real(-180, 180)),
    fc.tuple(real(-90, -89.9), real(-180, 180)),
    fc.tuple(fc.constantFrom(90, -90), real(-180, 180)),
  ),
  // The antimeridian.
  fc.oneof(
    around(-17, 180, 0.1),
    around(-17, -180, 0.1),
    fc.tuple(fc.constantFrom(-17, -17.05, 0), fc.constantFrom(180, -180)),
  ),
  // A grid, with equal distances everywhere.
  fc.tuple(fc.integer({ min: -4, max: 4 }), fc.integer({ min: -4, max: 4 })).map(([y, x]) => [y / 64, x / 64]),
  fc.tuple(fc.integer({ min: 85, max: 90 }), fc.integer({ min: -12, max: 12 })).map(([lat, i]) => [lat, i * 15]),
  // A handful of positions that many share.
  fc.constantFrom<Point>([0, 0], [40, 180], [40, -180], [90, 10], [90, -10], [-33.9, 18.4]),
];

const tagList = fc.uniqueArray(fc.constantFrom(...TAGS), { maxLength: 3 });
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { freq: 2 });

/** A fix in the scenario's time: `back` is how long before the clock it was taken, filled in when it is sent. */
function fixes(points: fc.Arbitrary<Point>): fc.Arbitrary<unknown> {
  const good = fc
    .record({
      id: fc.constantFrom(...IDS),
      point: points,
      back: maybe(fc.constantFrom(0, 0, 1, 500, 2_000, 10_000, 61_000, -30_000, -70_000)),
      heading: maybe(fc.constantFrom(0, 90.5, 360)),
      speed: maybe(fc.constantFrom(0, 8.3)),
      accuracy: maybe(fc.constantFrom(5)),
      tags: maybe(tagList),
      ttl: maybe(fc.constantFrom(0.75, 3, 60, 600)),
      row: fc.boolean(),
    })
    .map(({ point: [lat, lon], row, ...rest }) => new PlannedFix({ lat, lon, ...rest }, row));
  const bad = fc.constantFrom<unknown>(
    ['d0', 91, 0],
    ['', 1, 1],
    ['d1', 1, 1, null, 400],
    { id: 'd2', lat: 1 },
    7,
    ['d3', 1, 1, null, null, null, null, ['a,b']],
    ['d4', 1, 1, null, null, null, null, null, 0],
  );
  return fc.oneof({ arbitrary: good, weight: 20 }, { arbitrary: bad, weight: 1 });
}

/** A fix whose time is known once the clock is. */
export class PlannedFix {
  readonly #fields: Record<string, unknown> & { readonly back: number | null };
  readonly #row: boolean;

  constructor(fields: Record<string, unknown> & { readonly back: number | null }, row: boolean) {
    this.#fields = fields;
    this.#row = row;
  }

  at(nowMs: number): unknown {
    const { back, ...fields } = this.#fields;
    const fix: Record<string, unknown> = { ...fields, time: back === null ? null : nowMs - back };
    if (!this.#row) return fix;
    return ['id', 'lat', 'lon', 'time', 'heading', 'speed', 'accuracy', 'tags', 'ttl'].map((name) => fix[name]);
  }

  [fc.toStringMethod](): string {
    return fc.stringify(this.#fields);
  }
}

const filters: fc.Arbitrary<Filters> = fc.record(
  {
    tags: fc.uniqueArray(fc.constantFrom(...TAGS), { maxLength: 2 }),
    anyTags: fc.uniqueArray(fc.constantFrom(...TAGS, 'unheard of'), { minLength: 1, maxLength: 3 }),
    notTags: fc.uniqueArray(fc.constantFrom(...TAGS), { maxLength: 2 }),
    maxAgeSeconds: fc.constantFrom(0, 0.5, 2, 100),
  },
  { requiredKeys: [] },
);

const radii = fc.oneof(fc.constantFrom(0, 1, 250, 1_000_000), real(0, 20_000), real(0, 1_000_000));

function ringAround(lat: number, lon: number, angles: readonly number[], size: number): Ring {
  const corners = [...angles]
    .sort((a, b) => a - b)
    .map((angle): [number, number] => {
      const stretch = size * (0.4 + 0.6 * Math.abs(Math.sin(5 * angle)));
      return [wrapLon(lon + stretch * Math.cos(angle)), clampLat(lat + stretch * Math.sin(angle))];
    });
  return [...corners, corners[0] as [number, number]];
}

function areas(points: fc.Arbitrary<Point>): fc.Arbitrary<Area> {
  const box = fc.tuple(points, points).map(
    ([[latA, west], [latB, east]]): Area => ({
      kind: 'bbox',
      west,
      south: Math.min(latA, latB),
      east,
      north: Math.max(latA, latB),
    }),
  );
  const circle = fc
    .tuple(points, radii)
    .map(([[lat, lon], radiusMeters]): Area => ({ kind: 'circle', lat, lon, radiusMeters }));
  const angles = fc.uniqueArray(real(-3.1, 3.1), { minLength: 3, maxLength: 12 });
  const star = fc
    .tuple(points, angles, fc.constantFrom(0.01, 0.1, 1, 20), fc.boolean())
    .map(([[lat, lon], turns, size, hole]): Ring[] => {
      const shell = ringAround(lat, lon, turns, size);
      return hole ? [shell, ringAround(lat, lon, turns, size / 4)] : [shell];
    });
  const corners = fc.tuple(points, points, points).map(([a, b, c]): Ring[] => {
    const ring = [a, b, c, a].map(([lat, lon]): [number, number] => [lon, lat]);
    return [ring];
  });
  const axis = fc
    .tuple(fc.uniqueArray(fc.integer({ min: -179, max: 180 }), { minLength: 5, maxLength: 20 }), real(-89.99, 89.99))
    .filter(([lons]) => goesRound(lons))
    .map(([lons, lat]): Ring[] => {
      const ring = lons.sort((a, b) => a - b).map((lon): [number, number] => [lon, clampLat(lat + (lon % 7) / 700)]);
      return [[...ring, ring[0] as [number, number]]];
    });
  const polygons = fc
    .array(fc.oneof(star, corners, axis), { minLength: 1, maxLength: 3 })
    .map((all): Area => ({ kind: 'polygons', polygons: all }));
  return fc.oneof(
    box,
    circle,
    polygons,
    fc.constant<Area>({ kind: 'bbox', west: -180, south: -90, east: 180, north: 90 }),
  );
}

/** Whether sorted longitudes leave no gap of half a turn, so that the ring through them goes around the axis. */
function goesRound(lons: readonly number[]): boolean {
  const sorted = [...lons].sort((a, b) => a - b);
  return sorted.every((lon, i) => (sorted[i + 1] ?? (sorted[0] as number) + 360) - lon < 180);
}

function searches(points: fc.Arbitrary<Point>): fc.Arbitrary<SearchQuery> {
  const nearest = fc
    .tuple(points, fc.constantFrom(1, 2, 3, 10, 1_000), radii, filters)
    .map(([[lat, lon], k, radiusMeters, conditions]): SearchQuery => {
      return Object.assign({ kind: 'nearest', lat, lon, k, radiusMeters } as const, conditions);
    });
  const within = fc
    .tuple(areas(points), fc.constantFrom(1, 5, 10_000), filters)
    .map(
      ([area, limit, conditions]): SearchQuery => Object.assign({ kind: 'within', area, limit } as const, conditions),
    );
  return fc.oneof(nearest, within);
}

function stepsAmong(points: fc.Arbitrary<Point>): fc.Arbitrary<Step[]> {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .array(fixes(points), { minLength: 1, maxLength: 40 })
        .map((batch): Step => ({ kind: 'batch', fixes: batch })),
    },
    { weight: 1, arbitrary: fc.constantFrom(...IDS).map((id): Step => ({ kind: 'remove', id })) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(1, 250, 1_500, 20_000, 70_000).map((ms): Step => ({ kind: 'advance', ms })),
    },
    { weight: 1, arbitrary: fc.constant<Step>({ kind: 'sweep' }) },
    { weight: 8, arbitrary: searches(points).map((query): Step => ({ kind: 'search', query })) },
  );
  return fc.array(step, { minLength: 1, maxLength: 60, size: 'max' });
}

/** Worlds of one kind, and of all kinds at once. */
export const scenarios: fc.Arbitrary<Scenario> = fc
  .oneof(...KINDS_OF_POINTS.map((points) => fc.constant(points)), fc.constant(fc.oneof(...KINDS_OF_POINTS)))
  .chain((points) =>
    fc.record({
      driversMax: fc.constantFrom(1_000, 1_000, 20),
      ttlSecondsDefault: fc.constantFrom(60, 5),
      steps: stepsAmong(points),
    }),
  );
