// The life of a driver: newer, stale and duplicate fixes, age and ttl, tags that come and go, a full engine, removal and return.

import { expect, test } from 'vitest';
import { forEachEngine, NOW } from '../support/engines.ts';

const tagNames = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `tag${from + i}`);

forEachEngine('the life of a driver', (open) => {
  test('a newer fix moves the driver, and it is at one place only', () => {
    const world = open();
    world.put(['a', 10, 10, NOW - 5]);
    expect(world.outcome(['a', -40, 170, NOW - 4])).toBe('accepted');
    expect(world.nearestIds(10, 10)).toEqual([]);
    expect(world.nearestIds(-40, 170)).toEqual(['a']);
    expect(world.engine.stats().drivers).toBe(1);
    expect(world.scan()).toHaveLength(1);
  });

  test('an older fix is stale and changes nothing', () => {
    const world = open();
    world.put(['a', 10, 10, NOW - 5, 90, 3, 4, ['x'], 50]);
    const before = world.driver('a');
    expect(world.outcome(['a', 11, 11, NOW - 5.5, 1, 1, 1, ['y'], 60])).toBe('stale');
    expect(world.outcome(['a', 10, 10, NOW - 6])).toBe('stale');
    expect(world.driver('a')).toEqual(before);
  });

  test('a fix that is past its own ttl when it arrives is stale, for a new driver too', () => {
    const world = open();
    expect(world.outcome(['a', 1, 1, NOW - 60_001])).toBe('stale');
    expect(world.outcome(['a', 1, 1, NOW - 10_001, null, null, null, null, 10])).toBe('stale');
    expect(world.outcome(['a', 1, 1, NOW - 60_001, null, null, null, null, 61])).toBe('accepted');
    expect(world.outcome(['b', 1, 1, NOW - 60_000])).toBe('accepted');
    expect(world.outcome(['c', 1, 1, 0])).toBe('stale');
  });

  const FIRST = {
    id: 'a',
    lat: 10,
    lon: 180,
    time: NOW - 5,
    heading: 90,
    speed: 3,
    accuracy: 4,
    tags: ['x', 'y'],
    ttl: 50,
  };

  test('the same fix again is a duplicate, with its tags in any order, repeated or absent', () => {
    const world = open();
    world.put(FIRST);
    for (const again of [FIRST, { ...FIRST, tags: ['y', 'x', 'y'] }, { ...FIRST, tags: null }]) {
      expect(world.outcome(again)).toBe('duplicate');
    }
    const { tags: _, ...withoutTags } = FIRST;
    expect(world.outcome(withoutTags)).toBe('duplicate');
  });

  test('the same time with any one thing different is accepted', () => {
    const changes = [
      { lat: 10.5 },
      { lon: -180 },
      { heading: 91 },
      { heading: null },
      { speed: 0 },
      { speed: null },
      { accuracy: 1 },
      { accuracy: null },
      { tags: ['x'] },
      { tags: [] },
      { ttl: 51 },
      { ttl: null },
    ];
    for (const change of changes) {
      const world = open();
      world.put(FIRST);
      expect([change, world.outcome({ ...FIRST, ...change })]).toEqual([change, 'accepted']);
    }
  });

  test('an absent ttl is the default, so the default written out is a duplicate', () => {
    const world = open({ ttlSecondsDefault: 2.5 });
    world.put(['a', 1, 1, NOW]);
    expect(world.outcome(['a', 1, 1, NOW, null, null, null, null, 2.5])).toBe('duplicate');
    expect(world.driver('a')?.ttl).toBe(2.5);
  });

  test('what a newer fix leaves out is unknown from then on, but for the tags', () => {
    const world = open();
    world.put(FIRST);
    world.put(['a', 10, 180, NOW]);
    expect(world.driver('a')).toEqual({ id: 'a', lat: 10, lon: 180, time: NOW, tags: ['x', 'y'], ttl: 60, age: 0 });
    world.put(['a', 10, 180, NOW + 1, null, null, null, []]);
    expect(world.driver('a')).toEqual({ id: 'a', lat: 10, lon: 180, time: NOW + 1, ttl: 60, age: -0.001 });
  });

  test('a driver is gone from everything the moment its age exceeds its ttl, without a sweep', () => {
    const world = open();
    world.put(['a', 1, 1, NOW, null, null, null, ['x'], 0.5]);
    world.now = NOW + 500;
    const box = { kind: 'bbox', west: 0, south: 0, east: 2, north: 2 } as const;
    expect([world.nearestIds(1, 1), world.withinIds(box), world.scan().length]).toEqual([['a'], ['a'], 1]);
    expect(world.driver('a')?.age).toBe(0.5);
    world.now = NOW + 500.5;
    expect([world.nearestIds(1, 1), world.withinIds(box), world.scan().length]).toEqual([[], [], 0]);
    expect(world.driver('a')).toBeUndefined();
    expect(world.remove('a')).toBe(false);
  });

  test('an expired driver is forgotten: any later fix is new, older and without tags too', () => {
    const world = open();
    world.put(['a', 1, 1, NOW, 90, 1, 1, ['x'], 1]);
    world.now = NOW + 1_001;
    expect(world.outcome(['a', 2, 2, NOW - 1, null, null, null, null, 60])).toBe('accepted');
    expect(world.driver('a')).toEqual({ id: 'a', lat: 2, lon: 2, time: NOW - 1, ttl: 60, age: 1.002 });
    expect(world.nearestIds(1.5, 1.5)).toEqual(['a']);
  });

  test('a sweep frees expired drivers and leaves the others', () => {
    const world = open();
    for (let i = 0; i < 300; i++) world.put([`d${i}`, i / 10, 5, NOW, null, null, null, [`odd${i % 2}`], 1 + (i % 2)]);
    world.now = NOW + 1_500;
    world.sweep();
    expect(world.engine.stats()).toMatchObject({ drivers: 150, tags: 1 });
    expect(world.nearestIds(0.1, 5, { k: 1 })).toEqual(['d1']);
    expect(world.scan(1_000)).toHaveLength(150);
    world.now = NOW + 2_001;
    world.sweep();
    expect(world.engine.stats()).toMatchObject({ drivers: 0, tags: 0 });
  });

  test('a removed driver is gone at once, and comes back as new', () => {
    const world = open();
    world.put(['a', 1, 1, NOW, null, null, null, ['x']], ['b', 1, 1]);
    expect(world.remove('a')).toBe(true);
    expect(world.remove('a')).toBe(false);
    expect(world.remove('никто')).toBe(false);
    expect(world.remove('')).toBe(false);
    expect(world.remove('x'.repeat(1_000))).toBe(false);
    expect(world.nearestIds(1, 1)).toEqual(['b']);
    expect(world.driver('a')).toBeUndefined();
    expect(world.engine.stats()).toMatchObject({ drivers: 1, tags: 0 });
    expect(world.outcome(['a', 3, 3, NOW - 100])).toBe('accepted');
    expect(world.driver('a')).toEqual({ id: 'a', lat: 3, lon: 3, time: NOW - 100, ttl: 60, age: 0.1 });
  });

  test('an id is found by its bytes alone', () => {
    const world = open();
    const ids = ['a', 'a\u0000', 'aa', '\u0000', 'é', '🚕', 'x'.repeat(127), 'x'.repeat(128), '１'];
    ids.forEach((id, i) => world.put([id, i, i]));
    for (const [i, id] of ids.entries()) expect(world.driver(id)).toMatchObject({ id, lat: i });
    for (const id of ids) expect(world.remove(id)).toBe(true);
    expect(world.engine.stats().drivers).toBe(0);
  });

  test('a full engine refuses new drivers and goes on moving those it has', () => {
    const world = open({ driversMax: 3 });
    world.put(['a', 1, 1, NOW - 10], ['b', 1, 1], ['c', 1, 1]);
    expect(world.outcome(['d', 1, 1])).toBe('ENGINE_FULL');
    expect(world.outcome(['a', 2, 2, NOW])).toBe('accepted');
    expect(world.outcome(['a', 2, 2, NOW - 20])).toBe('stale');
    expect(world.engine.stats()).toMatchObject({ drivers: 3, driversMax: 3 });
    world.remove('b');
    expect(world.outcome(['d', 1, 1])).toBe('accepted');
    expect(world.outcome(['b', 1, 1])).toBe('ENGINE_FULL');
    expect(world.nearestIds(1, 1)).toEqual(['c', 'd', 'a']);
  });

  test('expired drivers never make an engine full, swept or not', () => {
    const world = open({ driversMax: 3 });
    world.put(['a', 1, 1, NOW, null, null, null, null, 1], ['b', 1, 1], ['c', 1, 1]);
    world.now = NOW + 1_000;
    expect(world.outcome(['d', 1, 1])).toBe('ENGINE_FULL');
    world.now = NOW + 1_001;
    expect(world.outcome(['d', 1, 1])).toBe('accepted');
    expect(world.outcome(['a', 1, 1])).toBe('ENGINE_FULL');
    expect(world.nearestIds(1, 1)).toEqual(['b', 'c', 'd']);
  });

  test('256 distinct tags may be in use, and a fix with one more is refused whole', () => {
    const world = open();
    for (let i = 0; i < 8; i++) world.put([`d${i}`, 1, 1, NOW, null, null, null, tagNames(32 * i, 32 * i + 32)]);
    expect(world.engine.stats().tags).toBe(256);
    expect(world.outcome(['new', 1, 1, NOW, null, null, null, ['tag0', 'one more']])).toBe('TOO_MANY_TAGS');
    expect(world.driver('new')).toBeUndefined();
    expect(world.outcome(['new', 1, 1, NOW, null, null, null, ['tag0', 'tag255']])).toBe('accepted');
    expect(world.nearestIds(1, 1, { tags: ['tag255'] })).toEqual(['d7', 'new']);
    expect(world.nearestIds(1, 1, { tags: ['one more'] })).toEqual([]);
  });

  test('a tag that no live driver carries any more makes room: replaced, removed or expired', () => {
    const world = open();
    for (let i = 0; i < 8; i++) {
      const ttl = i === 2 ? 1 : 60;
      world.put([`d${i}`, 1, 1, NOW, null, null, null, tagNames(32 * i, 32 * i + 32), ttl]);
    }
    const add = (id: string, tags: string[]): string => world.outcome([id, 1, 1, world.now, null, null, null, tags]);
    expect(add('new', ['r1'])).toBe('TOO_MANY_TAGS');
    world.put(['d0', 1, 1, NOW, null, null, null, ['tag1']]);
    expect(add('new', tagNames(300, 331))).toBe('accepted');
    expect(add('more', ['r1'])).toBe('TOO_MANY_TAGS');
    world.remove('d1');
    expect(add('more', tagNames(400, 432))).toBe('accepted');
    expect(add('most', ['r1'])).toBe('TOO_MANY_TAGS');
    world.now = NOW + 1_001;
    expect(add('most', tagNames(500, 532))).toBe('accepted');
    expect(world.engine.stats().tags).toBe(256);
    expect(world.nearestIds(1, 1, { tags: ['tag2'] })).toEqual([]);
    expect(world.nearestIds(1, 1, { tags: ['tag500', 'tag531'] })).toEqual(['most']);
    expect(world.nearestIds(1, 1, { tags: ['tag1'] })).toEqual(['d0']);
  });

  test('when all tags are in use, a fix that would not be applied is told so for its own reason', () => {
    const world = open({ driversMax: 256 });
    for (let i = 0; i < 256; i++) world.put([`d${i}`, 1, 1, NOW, null, null, null, [`tag${i}`]]);
    const fix = (id: string, time: number, tags: string[], ttl: number | null = null): string =>
      world.outcome([id, 1, 1, time, null, null, null, tags, ttl]);
    expect(fix('d0', NOW + 1, ['new'])).toBe('TOO_MANY_TAGS');
    expect(fix('d0', NOW - 1, ['new'])).toBe('stale');
    expect(fix('other', NOW - 70_000, ['new'])).toBe('stale');
    expect(fix('d0', NOW, ['tag0'])).toBe('duplicate');
    expect(fix('d0', NOW + 1, ['new'], -1)).toBe('BAD_TTL');
    expect(fix('other', NOW, ['new'])).toBe('TOO_MANY_TAGS');
    expect(fix('other', NOW, ['tag1'])).toBe('ENGINE_FULL');
    expect(world.driver('d0')).toMatchObject({ time: NOW, tags: ['tag0'] });
  });

  test('thousands of tags can pass through, a few at a time', () => {
    const world = open();
    for (let i = 0; i < 3_000; i++) {
      world.now = NOW + i;
      world.put(['a', 1, 1, NOW + i, null, null, null, [`job${i}`, 'always']]);
      if (i % 500 === 499) expect(world.nearestIds(1, 1, { tags: [`job${i}`, 'always'] })).toEqual(['a']);
    }
    expect(world.nearestIds(1, 1, { anyTags: ['job0', 'job2998'] })).toEqual([]);
    expect(world.engine.stats().tags).toBeLessThanOrEqual(256);
  });

  test('a scan visits each live driver once, whatever the slices', () => {
    const world = open();
    for (let i = 0; i < 500; i++) world.put([`d${i}`, i / 10, -i / 10, NOW, null, null, null, i % 2 ? ['odd'] : []]);
    for (let i = 0; i < 500; i += 5) world.remove(`d${i}`);
    for (const count of [1, 7, 400, 100_000]) {
      const seen = world.scan(count).map(({ lat, tags }) => `${lat} ${tags.join()}`);
      expect(seen).toHaveLength(400);
      expect(new Set(seen).size).toBe(400);
      expect(seen).toContain('0.1 odd');
      expect(seen).toContain('0.2 ');
    }
    expect(open().scan()).toEqual([]);
  });

  test('statistics count drivers and tags, and know their limits', () => {
    const world = open({ driversMax: 10 });
    expect(world.engine.stats()).toMatchObject({ drivers: 0, driversMax: 10, tags: 0 });
    world.put(['a', 1, 1, NOW, null, null, null, ['x', 'y']], ['b', 1, 1, NOW, null, null, null, ['y']]);
    expect(world.engine.stats()).toMatchObject({ drivers: 2, tags: 2 });
    expect(world.engine.stats().bytes).toBeGreaterThanOrEqual(0);
    expect(world.engine.options.driversMax).toBe(10);
  });
});
