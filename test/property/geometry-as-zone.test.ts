// A polygon that may be a zone (it breaks none of the rules for zones) holds the same drivers as the `geometry` of a search and as a zone,
// though the two have code of their own: a search takes a shell and leaves out its holes, a zone counts rings by the even-odd rule.
//
//   RAZIEL_PROPERTY_RUNS=5000 RAZIEL_PROPERTY_SEED=$RANDOM npx vitest run test/property/geometry-as-zone.test.ts

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Area, Ring } from '../../src/drivers/engine.ts';
import { ZonesRefused } from '../../src/zones/faults.ts';
import { ingestLayer } from '../../src/zones/ingest.ts';
import { OPTIONS, REAL_ENGINES, reportMissingNative, World } from '../support/engines.ts';
import { openOracle } from '../support/oracle.ts';
import { TestZones } from '../support/zone-source.ts';

const RUNS = Number(process.env['RAZIEL_PROPERTY_RUNS'] ?? 300);
const SEED = Number(process.env['RAZIEL_PROPERTY_SEED'] ?? 1_415);

type Position = [number, number];
type Rings = Position[][];

const wrap = (lon: number): number => (lon > 180 ? lon - 360 : lon < -180 ? lon + 360 : lon);
const clampLat = (lat: number): number => Math.max(-90, Math.min(90, lat));
/** Few binary places, so that the arithmetic of all is exact. */
const short = (degrees: number): number => Math.round(degrees * 2 ** 16) / 2 ** 16;
const closed = (ring: Position[]): Position[] => [...ring, ring[0] as Position];

const centers = fc.constantFrom<Position>(
  [0, 0],
  [-73.75, 40.25],
  [179.5, -17],
  [-180, -17],
  [180, 60],
  [20, 84],
  [0, -86],
);

const ringOf = ([x, y]: Position, radii: readonly number[], size: number): Position[] =>
  closed(
    radii.map((radius, i): Position => {
      const angle = (2 * Math.PI * i) / radii.length;
      return [wrap(x + short(size * radius * Math.cos(angle))), clampLat(y + short(size * radius * Math.sin(angle)))];
    }),
  );

/** A star, with a star in it, or two side by side. */
const star = centers.chain((at) =>
  fc
    .tuple(fc.array(fc.double({ min: 0.6, max: 1, noNaN: true }), { minLength: 4, maxLength: 24 }), fc.nat(2))
    .map(([radii, holes]): Rings => {
      const shell = ringOf(at, radii, 4);
      if (holes === 0) return [shell];
      if (holes === 1) return [shell, ringOf(at, radii, 1).reverse()];
      return [shell, ringOf([wrap(at[0] - 0.75), at[1]], radii, 0.5), ringOf([wrap(at[0] + 0.75), at[1]], radii, 0.5)];
    }),
);

/** A rectangle with one in it that touches it along an edge or at a corner. */
const touching = centers.chain((at) =>
  fc.tuple(fc.integer({ min: -4, max: 2 }), fc.integer({ min: -4, max: 2 })).map(([x, y]): Rings => {
    const rectangle = (west: number, south: number, size: number): Position[] =>
      closed(
        [
          [west, south],
          [west + size, south],
          [west + size, south + size],
          [west, south + size],
        ].map(([dx, dy]): Position => [wrap(at[0] + (dx as number)), clampLat(at[1] + (dy as number))]),
      );
    return [rectangle(-4, -4, 8), rectangle(x, y, 2)];
  }),
);

/** Rings around the axis: a cap, or a cap with a smaller one out of it. */
const axis = fc
  .tuple(fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 4, maxLength: 12 }), fc.boolean(), fc.boolean())
  .map(([lats, north, hole]): Rings => {
    const cap = (nearer: number): Position[] =>
      closed(
        lats.map((lat, i): Position => {
          const y = nearer - lat;
          return [wrap(wrap(Math.round((360 * i) / lats.length))), north ? y : -y];
        }),
      );
    return hole ? [cap(80), cap(89).reverse()] : [cap(80)];
  });

function isZone(rings: Rings): boolean {
  try {
    ingestLayer('zones', collection(rings));
    return true;
  } catch (error) {
    if (error instanceof ZonesRefused) return false;
    throw error;
  }
}

function collection(rings: Rings): object {
  const geometry = { type: 'Polygon', coordinates: rings };
  return { type: 'FeatureCollection', features: [{ type: 'Feature', id: 'z', properties: null, geometry }] };
}

/** Vertices, middles of edges, points around them, and a grid over all. */
function probesOf(rings: Rings): Position[] {
  const [x, y] = (rings[0] as Position[])[0] as Position;
  const probes: Position[] = [
    [0, 90],
    [77, -90],
  ];
  for (let dx = -9; dx <= 9; dx++) for (let dy = -9; dy <= 9; dy++) probes.push([wrap(x + dx), clampLat(y + dy / 2)]);
  for (const ring of rings) {
    ring.forEach((position, i) => {
      const next = ring[i + 1];
      probes.push(
        position,
        [position[0], clampLat(position[1] + 2 ** -10)],
        [wrap(position[0] + 2 ** -10), position[1]],
      );
      if (Math.abs(position[0]) === 180) probes.push([-position[0], position[1]]);
      if (next !== undefined && Math.abs(next[0] - position[0]) <= 180) {
        probes.push([(position[0] + next[0]) / 2, (position[1] + next[1]) / 2]);
      }
    });
  }
  return probes;
}

describe('a polygon holds the same drivers as a geometry and as a zone', () => {
  reportMissingNative();
  for (const [kind, open] of [...REAL_ENGINES, ['oracle', openOracle] as const]) {
    test(`${kind}, over ${RUNS} random polygons from seed ${SEED}`, { timeout: 20_000 + 100 * RUNS }, async () => {
      let held = 0;
      const property = fc.asyncProperty(fc.oneof(star, touching, axis), async (rings) => {
        fc.pre(isZone(rings));
        const zones = await TestZones.create({ zones: collection(rings) });
        const world = new World(open(OPTIONS));
        try {
          world.engine.useZones(zones.sourceFor(kind));
          world.put(...probesOf(rings).map(([lon, lat], i) => [`${i} at ${lon},${lat}`, lat, lon]));
          const geometry: Area = { kind: 'polygons', polygons: [rings as readonly Ring[]] };
          const asGeometry = world.withinIds(geometry);
          expect(asGeometry).toEqual(world.withinIds({ kind: 'zone', zone: { layer: 'zones', id: 'z' } }));
          held += asGeometry.length;
        } finally {
          world.engine.close();
          zones.close();
        }
      });
      await fc.assert(property, { seed: SEED, numRuns: RUNS });
      expect(held).toBeGreaterThan(RUNS);
    });
  }
});
