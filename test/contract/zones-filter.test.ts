// Searches that name a zone: which drivers count, in every engine. The zones are those of the engine's own kind: the native engine reaches the
// native index, the others ask the portable one.

import { afterAll, describe, expect, test } from 'vitest';
import { RazielError } from '../../src/errors.ts';
import { forEachEngine, type World } from '../support/engines.ts';
import { TestZones } from '../support/zone-source.ts';

const box = (west: number, south: number, east: number, north: number): [number, number][] => [
  [west, south],
  [east, south],
  [east, north],
  [west, north],
  [west, south],
];

const zone = (id: string, ...polygons: [number, number][][][]) => ({
  type: 'Feature',
  id,
  properties: null,
  geometry: { type: 'MultiPolygon', coordinates: polygons },
});

const around = (lat: number): [number, number][] => [-150, -50, 50, 150, -150].map((lon) => [lon, lat]);

const LAYER = {
  type: 'FeatureCollection',
  features: [
    zone('square', [box(0, 0, 2, 2)]),
    zone('ring/with a slash', [box(0, 0, 2, 2), box(0.5, 0.5, 1.5, 1.5)]),
    zone('two', [box(0, 0, 1, 1)], [box(10, 10, 11, 11)]),
    zone('fiji', [box(179, -18, -179, -16)]),
    zone('west of it', [box(-180, -18, -179, -16)]),
    zone('arctic', [around(80)]),
  ],
};

const zones = await TestZones.create({ areas: LAYER });
afterAll(() => zones.close());

const inZone = (id: string, layer = 'areas') => ({ zone: { layer, id } });
const areaOf = (id: string, layer = 'areas') => ({ kind: 'zone', zone: { layer, id } }) as const;
const codeOf = (work: () => unknown): string | undefined => {
  try {
    work();
  } catch (error) {
    if (error instanceof RazielError) return error.code;
    throw error;
  }
  return undefined;
};

forEachEngine('a search by zone', (open, kind) => {
  const openWith = (...fixes: unknown[]): World => {
    const world = open();
    world.engine.useZones(zones.sourceFor(kind));
    world.put(...fixes);
    return world;
  };

  test('finds the drivers inside, by id and without distance', () => {
    const world = openWith(['b', 1, 1], ['a', 1.5, 0.5], ['out', 1, 2.1], ['c', 0.1, 0.1]);
    const { drivers } = world.within(areaOf('square'));
    expect(drivers.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    expect(drivers.some((driver) => 'distance' in driver)).toBe(false);
  });

  test('counts the boundary, that of a hole too, but not what is in the hole', () => {
    const world = openWith(['corner', 0, 0], ['edge', 2, 1], ['hole edge', 0.5, 1], ['in hole', 1, 1], ['in', 0.2, 1]);
    expect(world.withinIds(areaOf('ring/with a slash'))).toEqual(['corner', 'edge', 'hole edge', 'in']);
  });

  test('takes every part of a zone', () => {
    const world = openWith(['a', 0.5, 0.5], ['b', 10.5, 10.5], ['c', 5, 5]);
    expect(world.withinIds(areaOf('two'))).toEqual(['a', 'b']);
  });

  test('keeps the nearest ones that are inside, by distance', () => {
    const world = openWith(['in far', 1.9, 1.9], ['out near', 1, 2.01], ['in near', 1, 1.9]);
    expect(world.nearestIds(1, 2.02, inZone('square'))).toEqual(['in near', 'in far']);
    expect(world.nearestIds(1, 2.02, { ...inZone('square'), k: 1 })).toEqual(['in near']);
    expect(world.nearestIds(1, 2.02, { ...inZone('square'), radiusMeters: 20_000 })).toEqual(['in near']);
  });

  test('leaves out what lies in the box around the zone, and not in the zone', () => {
    const world = openWith(['in hole', 1, 1], ['in', 1.8, 1.8]);
    expect(world.nearestIds(1, 1, inZone('ring/with a slash'))).toEqual(['in']);
    const all = { kind: 'bbox', west: -5, south: -5, east: 5, north: 5 } as const;
    expect(world.withinIds(all, inZone('ring/with a slash'))).toEqual(['in']);
  });

  test('goes together with the other filters and with another area', () => {
    const world = openWith(
      { id: 'a', lat: 0.2, lon: 0.2, tags: ['free'] },
      { id: 'b', lat: 0.2, lon: 0.3 },
      { id: 'c', lat: 3, lon: 0.2, tags: ['free'] },
    );
    expect(world.nearestIds(0, 0, { ...inZone('square'), tags: ['free'] })).toEqual(['a']);
    const west = { kind: 'bbox', west: 0, south: -5, east: 0.25, north: 5 } as const;
    expect(world.withinIds(west, inZone('square'))).toEqual(['a']);
    expect(world.withinIds(areaOf('two'), inZone('ring/with a slash'))).toEqual(['a', 'b']);
    const circle = { kind: 'circle', lat: 0.2, lon: 0.2, radiusMeters: 1_000_000 } as const;
    expect(world.withinIds(circle, inZone('square'))).toEqual(['a', 'b']);
  });

  test('crosses the antimeridian, where −180 and 180 are one meridian', () => {
    const world = openWith(['east', -17, 179.5], ['west', -17, -179.5], ['on', -17, 180], ['on too', -17, -180]);
    expect(world.withinIds(areaOf('fiji'))).toEqual(['east', 'on', 'on too', 'west']);
    expect(world.withinIds(areaOf('west of it'))).toEqual(['on', 'on too', 'west']);
    expect(world.nearestIds(-17, 180, inZone('west of it'))).toEqual(['on', 'on too', 'west']);
  });

  test('holds the pole that its ring goes around', () => {
    const world = openWith(['pole', 90, 10], ['near', 85, -100], ['south', -90, 0], ['below', 79, 0]);
    expect(world.withinIds(areaOf('arctic'))).toEqual(['near', 'pole']);
  });

  test('says when its limit cut', () => {
    const world = openWith(['a', 1, 1], ['b', 1, 1.1], ['c', 1, 1.2]);
    const answer = world.within(areaOf('square'), { limit: 2 });
    expect(answer.drivers).toHaveLength(2);
    expect(answer.more).toBe(true);
  });

  test('is refused for a zone or layer that there is not', () => {
    const world = openWith(['a', 1, 1]);
    expect(codeOf(() => world.within(areaOf('nowhere')))).toBe('UNKNOWN_ZONE');
    expect(codeOf(() => world.within(areaOf('square', 'nothing')))).toBe('UNKNOWN_ZONE');
    expect(codeOf(() => world.nearest(0, 0, inZone('nowhere')))).toBe('UNKNOWN_ZONE');
    expect(codeOf(() => open().nearest(0, 0, inZone('square')))).toBe('UNKNOWN_ZONE');
  });

  test('sees the zones as they are when it begins', async () => {
    const own = await TestZones.create({ areas: LAYER });
    const world = open();
    world.engine.useZones(own.sourceFor(kind));
    world.put(['a', 1, 1], ['b', 20.5, 20.5]);
    expect(world.withinIds(areaOf('square'))).toEqual(['a']);
    await own.publish({ areas: { type: 'FeatureCollection', features: [zone('square', [box(20, 20, 21, 21)])] } });
    expect(world.withinIds(areaOf('square'))).toEqual(['b']);
    expect(codeOf(() => world.within(areaOf('two')))).toBe('UNKNOWN_ZONE');
    world.engine.close();
    own.close();
  });
});

describe('the fixture of these tests', () => {
  test('has zones that the portable and the native index agree on', () => {
    expect(zones.sourceFor('portable').shape('areas', 'square')?.contains(1, 1)).toBe(true);
  });
});
