// Nearest and its filters: exact order everywhere on the sphere, bounds inclusive, and what an answer looks like.

import { expect, test } from 'vitest';
import { RazielError } from '../../src/errors.ts';
import { distanceMeters } from '../../src/geo/distance.ts';
import { forEachEngine, idsOf, NOW } from '../support/engines.ts';

const row = (id: string, lat: number, lon: number, tags: string[] | null = null, time = NOW): unknown[] => [
  id,
  lat,
  lon,
  time,
  null,
  null,
  null,
  tags,
];

forEachEngine('nearest drivers', (open) => {
  test('come by distance, with it, k at most', () => {
    const world = open();
    world.put(row('far', 37.9, -122.4), row('here', 37.7751, -122.4194), row('near', 37.78, -122.41));
    const answer = world.nearest(37.7751, -122.4194, { radiusMeters: 20_000 });
    expect(idsOf(answer)).toEqual(['here', 'near', 'far']);
    expect(answer.drivers[0]?.distance).toBe(0);
    expect(answer.drivers[1]?.distance).toBeCloseTo(distanceMeters(37.7751, -122.4194, 37.78, -122.41), 4);
    expect(answer.drivers[0]).toEqual({ id: 'here', lat: 37.7751, lon: -122.4194, distance: 0, age: 0 });
    expect(world.nearestIds(37.7751, -122.4194, { k: 2 })).toEqual(['here', 'near']);
    expect(answer.more).toBeUndefined();
  });

  test('are all there are when k is larger, and none when there are none', () => {
    const world = open();
    expect(world.nearestIds(0, 0, { k: 1_000 })).toEqual([]);
    world.put(row('a', 0, 0), row('b', 8, 0), row('c', 50, 50));
    expect(world.nearestIds(0, 0, { k: 1_000 })).toEqual(['a', 'b']);
  });

  test('the radius is inclusive, to the millimetre', () => {
    const world = open();
    world.put(row('a', 51.5, 0.01));
    const distance = distanceMeters(51.5, 0, 51.5, 0.01);
    expect(world.nearestIds(51.5, 0, { radiusMeters: distance + 0.0011 })).toEqual(['a']);
    expect(world.nearestIds(51.5, 0, { radiusMeters: distance - 0.0011 })).toEqual([]);
  });

  test('a radius of 0 finds who is exactly there', () => {
    const world = open();
    world.put(row('a', 51.5, 0.01), row('b', 51.5, 0.0101), row('c', 90, 17), row('d', 10, -180));
    expect(world.nearestIds(51.5, 0.01, { radiusMeters: 0 })).toEqual(['a']);
    expect(world.nearestIds(90, -100, { radiusMeters: 0 })).toEqual(['c']);
    expect(world.nearestIds(10, 180, { radiusMeters: 0 })).toEqual(['d']);
  });

  test('centimetres are told apart', () => {
    const world = open();
    for (let i = 9; i >= 0; i--) world.put(row(`d${i}`, 37.7751 + i * 1e-7, -122.4194));
    expect(world.nearestIds(37.7751, -122.4194)).toEqual(['d0', 'd1', 'd2', 'd3', 'd4', 'd5', 'd6', 'd7', 'd8', 'd9']);
  });

  test('at one position they come by the bytes of their ids', () => {
    const world = open();
    const ids = ['b', 'a', 'aa', 'B', 'é', 'z', '\uffee', '🚕', 'a\u0000', '10', '9'];
    for (const id of ids) world.put(row(id, 37.5, -122.5));
    const sorted = [...ids].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(world.nearestIds(37.4, -122.5, { k: 100 })).toEqual(sorted);
    expect(world.nearestIds(37.4, -122.5, { k: 4 })).toEqual(sorted.slice(0, 4));
  });

  test('−180 and 180 are one meridian, seen from anywhere', () => {
    const world = open();
    world.put(row('c', 10, 180), row('b', 10, -180), row('d', 10, -180), row('a', 10, 180));
    for (const [lat, lon] of [
      [10, 180],
      [10, -180],
      [12, 179.3],
      [9, -178.7],
      [3.3, 175.123456],
      [10.1, -179.999],
    ] as const) {
      expect(world.nearestIds(lat, lon)).toEqual(['a', 'b', 'c', 'd']);
      expect(world.nearestIds(lat, lon, { k: 3 })).toEqual(['a', 'b', 'c']);
    }
  });

  test('a pole is one position at every longitude', () => {
    const world = open();
    world.put(row('c', 90, 0), row('a', 90, 123), row('b', 90, -180), row('d', -90, 5));
    for (const [lat, lon] of [
      [90, 50],
      [89.5, 17],
      [85, -133.3],
    ] as const) {
      expect(world.nearestIds(lat, lon)).toEqual(['a', 'b', 'c']);
      expect(world.nearestIds(lat, lon, { k: 2 })).toEqual(['a', 'b']);
    }
    expect(world.nearestIds(-89.99, -60)).toEqual(['d']);
  });

  test('reach across the antimeridian and over a pole', () => {
    const world = open();
    world.put(row('west', 0, 179.9), row('east', 0, -179.95), row('over', 89.92, 0), row('this side', 89.7, 180));
    expect(world.nearestIds(0, 179.99)).toEqual(['east', 'west']);
    expect(world.nearestIds(0, -179.99)).toEqual(['east', 'west']);
    expect(world.nearestIds(89.9, 180)).toEqual(['over', 'this side']);
    expect(world.nearestIds(89.85, 180)).toEqual(['this side', 'over']);
  });

  test('equal distances in all directions lose nobody', () => {
    const world = open();
    const around = Array.from({ length: 360 }, (_, i) => row(`d${i}`, 89, i - 180));
    world.put(...around);
    expect(new Set(world.nearestIds(90, 0, { k: 360 })).size).toBe(360);
    expect(world.nearestIds(90, 0, { k: 7 })).toHaveLength(7);
  });

  test('filters hold together: tags all, anyTags one, notTags none', () => {
    const world = open();
    world.put(
      row('none', 1, 1),
      row('free', 1, 1.001, ['free']),
      row('free xl', 1, 1.002, ['free', 'xl']),
      row('xl busy', 1, 1.003, ['xl', 'busy']),
    );
    const ids = (filters: object): string[] => world.nearestIds(1, 1, filters);
    expect(ids({ tags: ['free'] })).toEqual(['free', 'free xl']);
    expect(ids({ tags: ['xl', 'free'] })).toEqual(['free xl']);
    expect(ids({ tags: ['free', 'unheard of'] })).toEqual([]);
    expect(ids({ tags: [] })).toEqual(['none', 'free', 'free xl', 'xl busy']);
    expect(ids({ anyTags: ['busy', 'free', 'unheard of'] })).toEqual(['free', 'free xl', 'xl busy']);
    expect(ids({ anyTags: ['unheard of'] })).toEqual([]);
    expect(ids({ notTags: ['free', 'unheard of'] })).toEqual(['none', 'xl busy']);
    expect(ids({ tags: ['xl'], anyTags: ['free', 'busy'], notTags: ['busy'] })).toEqual(['free xl']);
    expect(ids({ tags: ['free'], k: 1 })).toEqual(['free']);
    world.put(row('free', 1, 1.001, ['busy'], NOW + 1));
    expect(ids({ tags: ['free'] })).toEqual(['free xl']);
    expect(ids({ tags: ['busy'] })).toEqual(['free', 'xl busy']);
  });

  test('maxAge counts from the time of the fix, inclusive', () => {
    const world = open();
    world.put(row('new', 1, 1, null, NOW), row('old', 1, 1, null, NOW - 2_500), row('ahead', 1, 1, null, NOW + 900));
    expect(world.nearestIds(1, 1, { maxAgeSeconds: 2.5 })).toEqual(['ahead', 'new', 'old']);
    expect(world.nearestIds(1, 1, { maxAgeSeconds: 2.4999 })).toEqual(['ahead', 'new']);
    expect(world.nearestIds(1, 1, { maxAgeSeconds: 0 })).toEqual(['ahead', 'new']);
    world.now = NOW + 901;
    expect(world.nearestIds(1, 1, { maxAgeSeconds: 0 })).toEqual([]);
  });

  test('a rare tag is found among thousands', () => {
    const world = open();
    const rows = Array.from({ length: 1_000 }, (_, i) => row(`d${i}`, 48 + (i % 70) / 100, 2 + i / 1_000, ['common']));
    world.put(...rows);
    world.put(row('rare', 48.69, 2.99, ['rare']));
    expect(world.nearestIds(48, 2, { tags: ['rare'], radiusMeters: 200_000 })).toEqual(['rare']);
    expect(world.nearestIds(48, 2, { notTags: ['common'], radiusMeters: 200_000 })).toEqual(['rare']);
  });

  test('the ref is repeated as it was given, and absent when there was none', () => {
    const world = open();
    const query = { kind: 'nearest', lat: 1, lon: 1, k: 1, radiusMeters: 1 } as const;
    for (const ref of [
      '',
      'r1',
      'é🚕',
      'x'.repeat(300),
      0,
      1,
      -1,
      127,
      128,
      65_536,
      2 ** 32,
      2 ** 53 - 1,
      -(2 ** 40),
      1.5,
      1e300,
    ]) {
      expect(world.search(query, ref).ref).toBe(ref);
    }
    expect('ref' in world.search(query)).toBe(false);
  });

  test('an answer that is larger than the buffer makes it grow, and keeps what is before it', () => {
    const world = open();
    for (let i = 0; i < 1_000; i++) world.put(row(`${i}`.padStart(128, 'x'), 1 + i / 1e6, 1, ['free']));
    const out = { bytes: new Uint8Array([1, 2, 3, 4]) };
    const query = { kind: 'nearest', lat: 1, lon: 1, k: 1_000, radiusMeters: 1_000_000 } as const;
    const end = world.engine.search(query, NOW, 'r', out, 3);
    expect(end).toBeGreaterThan(128_000);
    expect(out.bytes.length).toBeGreaterThanOrEqual(end);
    expect([...out.bytes.subarray(0, 3)]).toEqual([1, 2, 3]);
    const again = world.engine.search(query, NOW, 'r', out, end);
    expect(again - end).toBeGreaterThan(128_000);
    expect([...out.bytes.subarray(0, 3)]).toEqual([1, 2, 3]);
  });

  test('tookMicros is a whole number', () => {
    const { tookMicros } = open().nearest(1, 1);
    expect(Number.isInteger(tookMicros) && tookMicros >= 0).toBe(true);
  });

  test('explain counts cells, candidates, what each condition refused, and the time', () => {
    const world = open();
    world.put(row('a', 1, 1, ['x']), row('b', 1, 1.001, ['y']), row('c', 1, 1.002, ['x'], NOW - 50_000));
    const answer = world.nearest(1, 1, { explain: true, maxAgeSeconds: 10, notTags: ['y'] });
    expect(idsOf(answer)).toEqual(['a']);
    const explain = answer.explain;
    if (explain === undefined) throw new Error('nothing explained');
    expect(explain.cells).toBeGreaterThanOrEqual(1);
    expect(explain.candidates).toBeGreaterThanOrEqual(1);
    for (const name of ['tags', 'anyTags', 'notTags', 'maxAge', 'expired']) {
      expect(explain.rejected[name]).toBeGreaterThanOrEqual(0);
    }
    expect(explain.micros.search).toBeGreaterThanOrEqual(0);
    expect(explain.micros.encode).toBeGreaterThanOrEqual(0);
    const counts = [explain.cells, explain.candidates, ...Object.values(explain.rejected)];
    expect(counts.every(Number.isInteger)).toBe(true);
    expect(world.nearest(1, 1).explain).toBeUndefined();
  });

  test('a search past its candidate budget is refused, and the engine goes on', () => {
    const world = open({ searchCandidatesMax: 100 });
    for (let i = 0; i < 500; i++) world.put(row(`d${i}`, 1 + i / 1e5, 1, null, NOW - 100));
    const wide = (): unknown => world.nearest(1, 1, { maxAgeSeconds: 0.05, radiusMeters: 100_000 });
    expect(wide).toThrow(RazielError);
    expect(wide).toThrow(expect.objectContaining({ code: 'SEARCH_TOO_WIDE' }) as Error);
    const box = { kind: 'bbox', west: 0, south: 0, east: 2, north: 2 } as const;
    expect(() => world.within(box, { maxAgeSeconds: 0.05 })).toThrow(
      expect.objectContaining({ code: 'SEARCH_TOO_WIDE' }) as Error,
    );
    for (let i = 1; i < 500; i++) world.remove(`d${i}`);
    expect(world.nearestIds(1, 1)).toEqual(['d0']);
  });
});
