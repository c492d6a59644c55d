// Random zones, through the whole way in (GeoJSON, checks, building): the native index, the portable one and the oracle give the same answers.

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ingestLayer } from '../../src/zones/ingest.ts';
import type { Layer } from '../../src/zones/layer.ts';
import { idsAt, zoneIndexes } from '../support/zone-indexes.ts';
import { ZoneOracle } from '../support/zone-oracle.ts';

type Position = [number, number];
type Shape = Position[][];

/** A grid of quarter degrees, so that points on edges lie on them exactly. */
const STEP = 0.25;
const wrap = (lon: number): number => (lon > 180 ? lon - 360 : lon < -180 ? lon + 360 : lon);
const clampLat = (lat: number): number => Math.max(-90, Math.min(90, lat));
/** turf subtracts the point before it decides, so it is exact only where differences are: here all positions have 20 binary places. */
const short = (degrees: number): number => Math.round(degrees * 2 ** 20) / 2 ** 20;
/** Exactness ends where products underflow (native/src/robust.h): 5e-324 of a degree is no place. */
const tidy = (degrees: number): number => Math.round(degrees * 1e9) / 1e9;
/** Fixed, so that a run can be repeated; others by RAZIEL_PROPERTY_SEED. */
const SEED = Number(process.env['RAZIEL_PROPERTY_SEED'] ?? -34_026_026);
const closed = (ring: Position[]): Position[] => [...ring, ring[0] as Position];

const middle = fc.tuple(
  fc.oneof(fc.integer({ min: -180, max: 180 }), fc.constantFrom(-180, 180, 179, -179, 0)),
  fc.oneof(fc.integer({ min: -85, max: 85 }), fc.constantFrom(-90, 90, 0)),
);
const offset = fc.integer({ min: -16, max: 16 }).map((n) => n * STEP);

/** Any ring at all: it crosses itself, touches itself, has spikes and no area. */
const scribble = (at: Position): fc.Arbitrary<Position[]> =>
  fc
    .array(fc.tuple(offset, offset), { minLength: 3, maxLength: 24 })
    .map((offsets) => closed(offsets.map(([x, y]): Position => [wrap(at[0] + x), clampLat(at[1] + y)])));

/** A star around `at` with a smaller one as its hole. */
const star = (at: Position): fc.Arbitrary<Shape> =>
  fc.array(fc.double({ min: 0.5, max: 1, noNaN: true }), { minLength: 3, maxLength: 60 }).map((radii) =>
    [4, 1].map((size) => {
      const ring = radii.map((radius, i): Position => {
        const angle = (2 * Math.PI * i) / radii.length;
        const x = short(size * radius * Math.cos(angle));
        return [wrap(at[0] + x), clampLat(at[1] + short(size * radius * Math.sin(angle)))];
      });
      return closed(ring);
    }),
  );

/** Two or three positions almost on a line. */
const sliver = (at: Position): fc.Arbitrary<Shape> =>
  fc.tuple(offset, offset, fc.constantFrom(0, 2 ** -20, 2 ** -18, STEP)).map(([x, y, width]) => {
    const far: Position = [wrap(at[0] + x), clampLat(at[1] + y)];
    return [closed([[wrap(at[0]), clampLat(at[1])], far, [far[0], clampLat(far[1] + width)]])];
  });

const axis = fc
  .tuple(
    fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 4, maxLength: 12 }),
    fc.boolean(),
    fc.boolean(),
    fc.integer({ min: -180, max: 179 }),
  )
  .map(([lats, north, westward, start]): Shape => {
    const ring = lats.map((lat, i): Position => {
      const lon = wrap(wrap(start + Math.round(((westward ? -1 : 1) * 360 * i) / lats.length)));
      return [lon, north ? 89 - lat : lat - 89];
    });
    return [closed(ring)];
  });

const shape: fc.Arbitrary<{ at: Position; rings: Shape }> = middle.chain((given) => {
  const at: Position = [given[0], given[1]];
  const rings = fc.oneof(fc.array(scribble(at), { minLength: 1, maxLength: 3 }), star(at), sliver(at), axis);
  return rings.map((made) => ({ at, rings: made }));
});

function layerOf(name: string, shapes: readonly Shape[][]): Layer {
  const features = shapes.map((parts, i) => ({
    type: 'Feature',
    id: i,
    properties: { priority: i % 2 },
    geometry: { type: 'MultiPolygon', coordinates: parts },
  }));
  return ingestLayer(name, { type: 'FeatureCollection', features }, { repair: true }).layer;
}

/** Vertices, middles of edges, and points around them. */
function probesOf(shapes: readonly { at: Position; rings: Shape }[]): Position[] {
  const probes: Position[] = [
    [0, 90],
    [77, -90],
    [180, 0],
    [-180, 0],
  ];
  for (const { at, rings } of shapes) {
    for (let x = -5; x <= 5; x++)
      for (let y = -5; y <= 5; y += 2) probes.push([wrap(at[0] + x), clampLat(at[1] + y / 2)]);
    for (const ring of rings) {
      ring.forEach((position, i) => {
        const next = ring[i + 1];
        probes.push(position, [position[0], clampLat(position[1] + STEP / 2)]);
        if (Math.abs(position[0]) === 180) probes.push([-position[0], position[1]]);
        if (next !== undefined && Math.abs(next[0] - position[0]) <= 180) {
          probes.push([(position[0] + next[0]) / 2, (position[1] + next[1]) / 2]);
        }
      });
    }
  }
  return probes;
}

describe('zones of any shape', () => {
  test('are found alike by the native index, the portable one and the oracle', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(shape, { minLength: 1, maxLength: 4 }), async (shapes) => {
        const layers = [
          layerOf(
            'a',
            shapes.map(({ rings }) => [rings]),
          ),
          layerOf('b', [shapes.map(({ rings }) => rings)]),
        ];
        const oracle = new ZoneOracle(layers);
        const indexes = await zoneIndexes(1, layers);
        for (const [lon, lat] of probesOf(shapes)) {
          const expected = oracle.lookup(lat, lon).map((zone) => `${zone.layer}/${zone.id}`);
          for (const [name, index] of indexes) {
            expect({ name, lon, lat, ids: idsAt(index, lat, lon) }).toEqual({ name, lon, lat, ids: expected });
            expect(index.shape('b', '0')?.contains(lat, lon)).toBe(expected.includes('b/0'));
          }
        }
      }),
      { seed: SEED, numRuns: 150 },
    );
  });

  test('have points on a shared edge in both neighbours, and no gap between them', async () => {
    await fc.assert(
      fc.asyncProperty(
        middle,
        fc.array(fc.tuple(fc.double({ min: -3, max: 3, noNaN: true }), fc.double({ min: 0.01, max: 1, noNaN: true })), {
          minLength: 2,
          maxLength: 20,
        }),
        fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: -3, max: 3, noNaN: true })), {
          minLength: 20,
          maxLength: 60,
        }),
        async ([lon, lat], steps, points) => {
          // A ragged line going north, zones to the west and to the east of it.
          const base = Math.max(-80, Math.min(60, lat));
          let y = base;
          const line = steps.map(([x, up]): Position => [wrap(lon + tidy(x)), (y += up)]);
          const first = line[0] as Position;
          const last = line[line.length - 1] as Position;
          const west: Shape = [closed([[wrap(lon - 5), first[1]], ...line, [wrap(lon - 5), last[1]]])];
          const east: Shape = [closed([[wrap(lon + 5), first[1]], ...line, [wrap(lon + 5), last[1]]])];
          const layer = layerOf('halves', [[west], [east]]);
          const indexes = await zoneIndexes(1, [layer]);
          for (const [, index] of indexes) {
            for (const position of line) expect(idsAt(index, position[1], position[0])).toHaveLength(2);
          }
          const oracle = new ZoneOracle([layer]);
          const native = indexes.find(([name]) => name === 'native')?.[1];
          for (const [along, x] of points) {
            const probe: Position = [wrap(lon + tidy(x)), first[1] + along * (last[1] - first[1])];
            const expected = oracle.lookup(probe[1], probe[0]).map(({ id }) => `halves/${id}`);
            expect(expected.length).toBeGreaterThan(0);
            if (native !== undefined) expect(idsAt(native, probe[1], probe[0])).toEqual(expected);
          }
        },
      ),
      { seed: SEED, numRuns: 100 },
    );
  });
});
