// Random fleets, random zones, searches that name one: every engine gives an answer that the brute-force oracle allows. The seed is fixed;
// a failure prints seed, path and the shrunk case.
//
//   RAZIEL_PROPERTY_RUNS=5000 RAZIEL_PROPERTY_SEED=$RANDOM npx vitest run test/property/zones-filter.test.ts

import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import type { SearchQuery } from '../../src/drivers/engine.ts';
import { checkAnswer } from '../support/compare.ts';
import { OPTIONS, REAL_ENGINES, reportMissingNative, World } from '../support/engines.ts';
import { openOracle } from '../support/oracle.ts';
import { TestZones } from '../support/zone-source.ts';

const RUNS = Number(process.env['RAZIEL_PROPERTY_RUNS'] ?? 200);
const SEED = Number(process.env['RAZIEL_PROPERTY_SEED'] ?? 1_414);
const ZONES = ['a', 'b/c', 'd'];

/** Quarters of a degree meet vertices, edges, poles and the antimeridian; others lie anywhere between. */
const offset = fc.oneof(
  fc.integer({ min: -12, max: 12 }).map((n) => n / 4),
  fc.integer({ min: -3_000_000, max: 3_000_000 }).map((n) => n / 1e6),
);
const centers = fc.constantFrom([0, 0], [40.25, -73.75], [-17, 179.5], [-17, -180], [88.5, 20], [-89, -100]);
const lonOf = (lon: number): number => (lon > 180 ? lon - 360 : lon < -180 ? lon + 360 : lon);
const latOf = (lat: number): number => Math.max(-90, Math.min(90, lat));

const cases = centers.chain(([lat, lon]) => {
  const point = fc
    .tuple(offset, offset)
    .map(([y, x]): [number, number] => [latOf((lat as number) + y), lonOf((lon as number) + x)]);
  const ring = fc
    .array(point, { minLength: 3, maxLength: 9 })
    .map((points) => [...points, points[0] as [number, number]].map(([y, x]) => [x, y]));
  const polygon = fc.array(ring, { minLength: 1, maxLength: 3 });
  const zone = fc.array(polygon, { minLength: 1, maxLength: 2 });
  const name = fc.constantFrom(...ZONES).map((id) => ({ layer: 'zones', id }));
  const nearest = fc
    .tuple(point, fc.constantFrom(1, 3, 1_000), fc.constantFrom(0, 20_000, 300_000, 1_000_000), name)
    .map(([[y, x], k, radiusMeters, filter]): SearchQuery => {
      return { kind: 'nearest', lat: y, lon: x, k, radiusMeters, zone: filter };
    });
  const inZone = fc
    .tuple(name, fc.option(name, { nil: undefined }), fc.constantFrom(2, 10_000))
    .map(([area, filter, limit]): SearchQuery => {
      const query = { kind: 'within', area: { kind: 'zone', zone: area }, limit } as const;
      return filter === undefined ? query : Object.assign(query, { zone: filter });
    });
  const inBox = fc.tuple(point, point, name).map(([[y1, west], [y2, east], filter]): SearchQuery => {
    const area = { kind: 'bbox', west, south: Math.min(y1, y2), east, north: Math.max(y1, y2) } as const;
    return { kind: 'within', area, limit: 10_000, zone: filter };
  });
  return fc.record({
    fleet: fc.array(point, { minLength: 1, maxLength: 80 }),
    zones: fc.tuple(zone, zone, zone),
    queries: fc.array(fc.oneof(nearest, inZone, inBox), { minLength: 1, maxLength: 12 }),
  });
});

describe('every engine answers searches by zone as brute force does', () => {
  reportMissingNative();
  for (const [kind, open] of REAL_ENGINES) {
    test(`${kind}, over ${RUNS} random cases from seed ${SEED}`, { timeout: 20_000 + 100 * RUNS }, async () => {
      const property = fc.asyncProperty(cases, async ({ fleet, zones, queries }) => {
        const features = zones.map((coordinates, i) => ({
          type: 'Feature',
          id: ZONES[i],
          properties: null,
          geometry: { type: 'MultiPolygon', coordinates },
        }));
        const source = await TestZones.create({ zones: { type: 'FeatureCollection', features } });
        const oracle = openOracle(OPTIONS);
        oracle.useZones(source.sourceFor('oracle'));
        const expected = new World(oracle);
        const world = new World(open(OPTIONS));
        try {
          world.engine.useZones(source.sourceFor(kind));
          const fixes = fleet.map(([lat, lon], i) => [`driver ${i}`, lat, lon]);
          for (const each of [world, expected]) each.put(...fixes);
          for (const query of queries) {
            checkAnswer(query, world.search(query), world.now, (asked) => oracle.matches(asked, world.now));
          }
        } finally {
          world.engine.close();
          source.close();
        }
      });
      await fc.assert(property, { seed: SEED, numRuns: RUNS });
    });
  }
});
