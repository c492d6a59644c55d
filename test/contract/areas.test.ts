// Drivers within areas: boxes, circles, polygons; edges and holes, the antimeridian, the poles, and answers that are cut.

import { expect, test } from 'vitest';
import type { Area, Ring } from '../../src/drivers/engine.ts';
import { distanceMeters } from '../../src/geo/distance.ts';
import { forEachEngine, NOW, type OpenWorld, type World } from '../support/engines.ts';

const bbox = (west: number, south: number, east: number, north: number): Area => ({
  kind: 'bbox',
  west,
  south,
  east,
  north,
});
const polygons = (...all: readonly (readonly Ring[])[]): Area => ({ kind: 'polygons', polygons: all });
const rectangle = (west: number, south: number, east: number, north: number): Ring => [
  [west, south],
  [east, south],
  [east, north],
  [west, north],
  [west, south],
];

/** A ring around the axis along one latitude. */
const around = (lat: number): Ring => [
  [0, lat],
  [120, lat],
  [-120, lat],
  [0, lat],
];

/** A world with drivers at [lat, lon], each named so. */
function worldOf(open: OpenWorld, ...places: readonly (readonly [number, number])[]): World {
  const world = open();
  world.put(...places.map(([lat, lon]) => [`${lat},${lon}`, lat, lon]));
  return world;
}

forEachEngine('drivers within areas', (open) => {
  test('a box holds its edges and corners, and answers by the bytes of ids, without distances', () => {
    const world = worldOf(open, [1, 1], [2, 2], [1, 2], [1.5, 1.5], [0.999999, 1.5], [1.5, 2.000001], [2, 1]);
    const answer = world.within(bbox(1, 1, 2, 2));
    expect(answer.drivers.map(({ id }) => id)).toEqual(['1,1', '1,2', '1.5,1.5', '2,1', '2,2']);
    expect(answer.drivers.every((driver) => !('distance' in driver))).toBe(true);
    expect(answer.more).toBeUndefined();
  });

  test('a box whose west is east of its east crosses the antimeridian', () => {
    const world = worldOf(open, [0, 179], [0, -179], [0, 180], [0, -180], [0, 178.9], [0, -178.9], [0, 0]);
    expect(world.withinIds(bbox(179, -1, -179, 1))).toEqual(['0,-179', '0,-180', '0,179', '0,180']);
    expect(world.withinIds(bbox(1, -1, -1, 1))).toHaveLength(6);
  });

  test('the antimeridian belongs to boxes on both of its sides, however it is written', () => {
    const world = worldOf(open, [0, 180], [0, -180], [0, 0]);
    const both = ['0,-180', '0,180'];
    const boxes = [
      bbox(170, -1, 180, 1),
      bbox(-180, -1, -170, 1),
      bbox(180, -1, -170, 1),
      bbox(170, -1, -180, 1),
      bbox(180, -1, 180, 1),
      bbox(-180, -1, -180, 1),
      bbox(180, -1, -180, 1),
    ];
    for (const box of boxes) expect([box, world.withinIds(box)]).toEqual([box, both]);
    expect(world.withinIds(bbox(-179, -1, 179, 1))).toEqual(['0,0']);
  });

  test('the whole world is a box', () => {
    const world = worldOf(open, [90, 0], [-90, 7], [0, 180], [0, -180], [1, 1]);
    expect(world.withinIds(bbox(-180, -90, 180, 90))).toHaveLength(5);
  });

  test('a box of no size holds who is exactly there', () => {
    const world = worldOf(open, [1.25, 2.5], [1.25, 2.5000001]);
    expect(world.withinIds(bbox(2.5, 1.25, 2.5, 1.25))).toEqual(['1.25,2.5']);
  });

  test('a circle answers by distance, with it, its radius inclusive', () => {
    const world = worldOf(open, [10, 10], [10, 10.02], [10, 9.99], [11, 10]);
    const radiusMeters = distanceMeters(10, 10, 10, 10.02) + 0.0011;
    const answer = world.within({ kind: 'circle', lat: 10, lon: 10, radiusMeters });
    expect(answer.drivers.map(({ id }) => id)).toEqual(['10,10', '10,9.99', '10,10.02']);
    expect(answer.drivers[2]?.distance).toBeCloseTo(radiusMeters - 0.0011, 4);
    const smaller = { kind: 'circle', lat: 10, lon: 10, radiusMeters: radiusMeters - 0.0022 } as const;
    expect(world.withinIds(smaller)).toEqual(['10,10', '10,9.99']);
  });

  test('a circle reaches over the pole and across the antimeridian', () => {
    const world = worldOf(open, [89.9, 10], [89.9, -170], [-40, 179.99], [-40, -179.99]);
    expect(world.withinIds({ kind: 'circle', lat: 89.95, lon: 10, radiusMeters: 20_000 })).toHaveLength(2);
    expect(world.withinIds({ kind: 'circle', lat: -40, lon: 180, radiusMeters: 1_000 })).toHaveLength(2);
  });

  test('a polygon holds its edges and corners', () => {
    const triangle: Ring = [
      [0, 0],
      [4, 0],
      [0, 4],
      [0, 0],
    ];
    const world = worldOf(open, [0, 0], [1, 1], [2, 2], [2.000001, 2], [0, 2], [0, 4.000001], [-0.000001, 1]);
    const inside = ['0,0', '0,2', '1,1', '2,2'];
    expect(world.withinIds(polygons([triangle]))).toEqual(inside);
    expect(world.withinIds(polygons([[...triangle].reverse()]))).toEqual(inside);
  });

  test('a concave polygon does not hold its bays', () => {
    const bay: Ring = [
      [0, 0],
      [6, 0],
      [6, 6],
      [4, 6],
      [4, 2],
      [2, 2],
      [2, 6],
      [0, 6],
      [0, 0],
    ];
    const world = worldOf(open, [4, 1], [4, 3], [4, 5], [1, 3], [2, 3], [6, 3]);
    expect(world.withinIds(polygons([bay]))).toEqual(['1,3', '2,3', '4,1', '4,5']);
  });

  test('a hole is outside and its edge is inside', () => {
    const area = polygons([rectangle(0, 0, 10, 10), rectangle(4, 4, 6, 6)]);
    const world = worldOf(open, [5, 5], [4, 5], [6, 6], [4.000001, 5], [3, 3], [11, 11]);
    expect(world.withinIds(area)).toEqual(['3,3', '4,5', '6,6']);
  });

  test('several polygons hold what any of them holds, each driver once', () => {
    const area = polygons(
      [rectangle(0, 0, 2, 2)],
      [rectangle(1, 1, 3, 3)],
      [rectangle(20, 20, 30, 30), rectangle(22, 22, 28, 28)],
      [rectangle(24, 24, 25, 25)],
    );
    const world = worldOf(open, [1.5, 1.5], [0.5, 0.5], [2.5, 2.5], [23, 23], [24.5, 24.5], [21, 21], [10, 10]);
    expect(world.withinIds(area)).toEqual(['0.5,0.5', '1.5,1.5', '2.5,2.5', '21,21', '24.5,24.5']);
  });

  test('an edge of more than 180° goes the short way, across the antimeridian', () => {
    const fiji = polygons([rectangle(177, -20, -178, -15), rectangle(179, -18, -179, -17)]);
    const world = worldOf(
      open,
      [-16, 178],
      [-16, -179],
      [-17.5, 180],
      [-17.5, -180],
      [-17, 180],
      [-16, 0],
      [-16, -177],
    );
    expect(world.withinIds(fiji)).toEqual(['-16,-179', '-16,178', '-17,180']);
  });

  test('an area that touches the antimeridian holds it, however it is written', () => {
    const world = worldOf(open, [0, 180], [0, -180], [0, 175], [0, -175]);
    expect(world.withinIds(polygons([rectangle(170, -1, 180, 1)]))).toEqual(['0,-180', '0,175', '0,180']);
    expect(world.withinIds(polygons([rectangle(-180, -1, -170, 1)]))).toEqual(['0,-175', '0,-180', '0,180']);
  });

  test('−180 to 180 along one latitude is an edge of the map', () => {
    const antarctica = polygons([rectangle(-180, -90, 180, -60)]);
    const world = worldOf(open, [-90, 0], [-75, 0], [-75, 180], [-60, -100], [-59.9, 0], [0, 0]);
    expect(world.withinIds(antarctica)).toEqual(['-60,-100', '-75,0', '-75,180', '-90,0']);
    expect(world.withinIds(polygons([rectangle(-180, -90, 180, 90)]))).toHaveLength(6);
  });

  test('a ring around the axis holds the pole that is nearer to it', () => {
    const world = worldOf(open, [90, 0], [-90, 0], [85, 179], [-85, -179], [80, 60], [-80, 60], [0, 0], [79, 0]);
    expect(world.withinIds(polygons([around(80)]))).toEqual(['80,60', '85,179', '90,0']);
    expect(world.withinIds(polygons([[...around(80)].reverse()]))).toEqual(['80,60', '85,179', '90,0']);
    expect(world.withinIds(polygons([around(-80)]))).toEqual(['-80,60', '-85,-179', '-90,0']);
  });

  test('a hole around the axis takes the pole out, seam and all', () => {
    const north: Ring = [
      [-180, 60],
      [-60, 60],
      [60, 60],
      [180, 60.5],
      [-180, 60],
    ];
    const hole: Ring = [
      [-170, 80],
      [-60, 80],
      [60, 80],
      [170, 80],
      [-170, 80],
    ];
    const world = worldOf(open, [90, 0], [85, -170], [85, 170], [85, 0], [80, 0], [70, -170], [70, 0], [50, 0]);
    expect(world.withinIds(polygons([north, hole]))).toEqual(['70,-170', '70,0', '80,0']);
  });

  test('the limit cuts an answer and says so', () => {
    const world = open();
    const all = Array.from({ length: 50 }, (_, i) => `d${String(i).padStart(2, '0')}`);
    world.put(...all.map((id, i) => [id, 1 + i / 1_000, 1]));
    const areas: Area[] = [
      bbox(0, 0, 2, 2),
      { kind: 'circle', lat: 1, lon: 1, radiusMeters: 10_000 },
      polygons([rectangle(0, 0, 2, 2)]),
    ];
    for (const area of areas) {
      expect(world.within(area, { limit: 50 }).more).toBeUndefined();
      const cut = world.within(area, { limit: 49 });
      expect(cut.more).toBe(true);
      const ids = cut.drivers.map(({ id }) => id);
      expect(ids).toHaveLength(49);
      expect(ids).toEqual([...new Set(ids)].sort());
      expect(all).toEqual(expect.arrayContaining(ids));
      expect(world.within(area, { limit: 1 })).toMatchObject({ more: true, drivers: [{}] });
    }
  });

  test('filters hold in every kind of area', () => {
    const world = open();
    world.put(
      ['a', 1, 1, NOW, null, null, null, ['free']],
      ['b', 1, 1, NOW - 9_000, null, null, null, ['free', 'xl']],
      ['c', 1, 1, NOW, null, null, null, ['busy']],
      ['d', 1, 1],
    );
    const areas: Area[] = [
      bbox(0, 0, 2, 2),
      { kind: 'circle', lat: 1, lon: 1, radiusMeters: 10 },
      polygons([rectangle(0, 0, 2, 2)]),
    ];
    for (const area of areas) {
      expect(world.withinIds(area, { tags: ['free'] })).toEqual(['a', 'b']);
      expect(world.withinIds(area, { tags: ['free'], maxAgeSeconds: 5 })).toEqual(['a']);
      expect(world.withinIds(area, { anyTags: ['xl', 'busy'] })).toEqual(['b', 'c']);
      expect(world.withinIds(area, { notTags: ['xl', 'busy'] })).toEqual(['a', 'd']);
      expect(world.within(area, { tags: ['free'], limit: 2 }).more).toBeUndefined();
    }
  });

  test('explain names the area as a reason, and the ref is repeated', () => {
    const world = worldOf(open, [1, 1], [1.9, 1.9]);
    const area = polygons([
      [
        [0, 0],
        [2.5, 0],
        [0, 2.5],
        [0, 0],
      ],
    ]);
    const answer = world.search({ kind: 'within', area, limit: 10, explain: true }, 7);
    expect(answer.ref).toBe(7);
    expect(answer.explain?.candidates).toBeGreaterThanOrEqual(1);
    expect(answer.explain?.rejected['area']).toBeGreaterThanOrEqual(0);
  });
});
