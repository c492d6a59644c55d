// Which fixes an engine takes: every rule of the fix section of docs/protocol.md, one by one, and that a refusal changes nothing.

import { expect, test } from 'vitest';
import { forEachEngine, NOW, type OpenWorld } from '../support/engines.ts';

const repeat = (text: string, times: number): string => text.repeat(times);

/** Values for one field of an otherwise good fix, with what becomes of it. */
const FIELDS: Record<string, readonly (readonly [unknown, string])[]> = {
  id: [
    [repeat('x', 128), 'accepted'],
    [repeat('é', 64), 'accepted'],
    [repeat('🚕', 32), 'accepted'],
    ['водитель:42', 'accepted'],
    ['__proto__', 'accepted'],
    [' ', 'accepted'],
    ['a\u0000b', 'accepted'],
    ['', 'BAD_ID'],
    [repeat('x', 129), 'BAD_ID'],
    [`${repeat('é', 64)}x`, 'BAD_ID'],
    ['a\ufffdb', 'BAD_ID'],
    [42, 'BAD_ID'],
    [null, 'BAD_ID'],
    [true, 'BAD_ID'],
    [['a'], 'BAD_ID'],
    [Buffer.from('abc'), 'BAD_ID'],
  ],
  lat: [
    [90, 'accepted'],
    [-90, 'accepted'],
    [0, 'accepted'],
    [90.000001, 'BAD_LAT'],
    [-91, 'BAD_LAT'],
    [Number.NaN, 'BAD_LAT'],
    [Number.POSITIVE_INFINITY, 'BAD_LAT'],
    ['37.5', 'BAD_LAT'],
    [null, 'BAD_LAT'],
    [{ deg: 1 }, 'BAD_LAT'],
  ],
  lon: [
    [180, 'accepted'],
    [-180, 'accepted'],
    [180.5, 'BAD_LON'],
    [-1e300, 'BAD_LON'],
    [Number.NaN, 'BAD_LON'],
    ['1', 'BAD_LON'],
    [null, 'BAD_LON'],
  ],
  time: [
    [null, 'accepted'],
    [NOW, 'accepted'],
    [NOW - 59_999.5, 'accepted'],
    [BigInt(NOW), 'accepted'],
    [NOW + 60_000, 'accepted'],
    [NOW + 60_001, 'FUTURE_TIME'],
    [8.64e15, 'FUTURE_TIME'],
    [8.64e15 + 2, 'BAD_TIME'],
    [-1, 'BAD_TIME'],
    [Number.NaN, 'BAD_TIME'],
    [Number.POSITIVE_INFINITY, 'BAD_TIME'],
    [true, 'BAD_TIME'],
    [new Date(NOW), 'BAD_TIME'],
    [String(NOW), 'BAD_TIME'],
    ['2014-09-18T00:26:40Z', 'accepted'],
    ['2014-09-18T00:26Z', 'accepted'],
    ['2014-09-18T00:26:40.123456789Z', 'accepted'],
    ['2014-09-18T02:26:40+02:00', 'accepted'],
    ['2014-09-17T18:56:40-0530', 'accepted'],
    ['2014-09-18T00:28:40Z', 'FUTURE_TIME'],
    ['2014-02-29T00:00:00Z', 'BAD_TIME'],
    ['2014-13-01T00:00:00Z', 'BAD_TIME'],
    ['2014-09-18T24:00:00Z', 'BAD_TIME'],
    ['2014-09-18T00:60:00Z', 'BAD_TIME'],
    ['2014-09-18T00:26:60Z', 'BAD_TIME'],
    ['2014-09-18T00:26:40', 'BAD_TIME'],
    ['2014-09-18 00:26:40Z', 'BAD_TIME'],
    ['2014-09-18T00:26:40.Z', 'BAD_TIME'],
    ['2014-09-18T00:26:40z', 'BAD_TIME'],
    ['2014-09-18T00:26:40+24:00', 'BAD_TIME'],
    ['2014-09-18T00:26:40+2:00', 'BAD_TIME'],
    ['2014-09-18', 'BAD_TIME'],
    ['1969-12-31T23:59:59Z', 'BAD_TIME'],
    ['0099-01-01T00:00:00Z', 'BAD_TIME'],
    ['', 'BAD_TIME'],
  ],
  heading: [
    [0, 'accepted'],
    [360, 'accepted'],
    [null, 'accepted'],
    [-0.1, 'BAD_HEADING'],
    [360.1, 'BAD_HEADING'],
    ['N', 'BAD_HEADING'],
    [Number.NaN, 'BAD_HEADING'],
  ],
  speed: [
    [0, 'accepted'],
    [1e6, 'accepted'],
    [null, 'accepted'],
    [-1, 'BAD_SPEED'],
    [Number.POSITIVE_INFINITY, 'BAD_SPEED'],
    [Number.NaN, 'BAD_SPEED'],
    ['8', 'BAD_SPEED'],
  ],
  accuracy: [
    [0, 'accepted'],
    [null, 'accepted'],
    [-1, 'BAD_ACCURACY'],
    [Number.NaN, 'BAD_ACCURACY'],
    [[], 'BAD_ACCURACY'],
  ],
  tags: [
    [[], 'accepted'],
    [null, 'accepted'],
    [['free', 'free'], 'accepted'],
    [[repeat('t', 64)], 'accepted'],
    [[repeat('é', 32)], 'accepted'],
    [Array.from({ length: 32 }, (_, i) => `t${i}`), 'accepted'],
    [Array.from({ length: 64 }, (_, i) => `t${i % 32}`), 'accepted'],
    [Array.from({ length: 33 }, (_, i) => `t${i}`), 'TOO_MANY_TAGS'],
    [[...Array.from({ length: 33 }, (_, i) => `t${i}`), ''], 'BAD_TAGS'],
    ['free', 'BAD_TAGS'],
    [{ free: true }, 'BAD_TAGS'],
    [[''], 'BAD_TAGS'],
    [['a,b'], 'BAD_TAGS'],
    [['a\ufffd'], 'BAD_TAGS'],
    [[repeat('t', 65)], 'BAD_TAGS'],
    [[`${repeat('é', 32)}x`], 'BAD_TAGS'],
    [[1], 'BAD_TAGS'],
    [[null], 'BAD_TAGS'],
    [[['free']], 'BAD_TAGS'],
    [0, 'BAD_TAGS'],
  ],
  ttl: [
    [null, 'accepted'],
    [0.5, 'accepted'],
    [30 * 86_400, 'accepted'],
    [30 * 86_400 + 0.5, 'BAD_TTL'],
    [0, 'BAD_TTL'],
    [-1, 'BAD_TTL'],
    [Number.NaN, 'BAD_TTL'],
    ['60', 'BAD_TTL'],
  ],
};

const NAMES = Object.keys(FIELDS);
const GOOD: Record<string, unknown> = { id: 'driver:42', lat: 37.7751, lon: -122.4194, time: NOW };

/** A number as MessagePack's 64-bit float. */
const double = (value: number): Buffer => {
  const bytes = Buffer.alloc(9, 0xcb);
  bytes.writeDoubleBE(value, 1);
  return bytes;
};

function show(value: unknown): string {
  const text = typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value));
  return typeof value === 'number' ? String(value) : text.length > 40 ? `${text.slice(0, 40)}… (${text.length})` : text;
}

forEachEngine('which fixes an engine takes', (open: OpenWorld) => {
  for (const [name, cases] of Object.entries(FIELDS)) {
    for (const [value, expected] of cases) {
      test(`${name} ${show(value)} is ${expected}, in a map and in a row`, () => {
        const fix = { ...GOOD, [name]: value };
        expect(open().outcome(fix)).toBe(expected);
        expect(open().outcome(NAMES.map((field) => (fix as Record<string, unknown>)[field] ?? null))).toBe(expected);
      });
    }
  }

  test('what is neither a map nor a row is BAD_FIX', () => {
    const world = open();
    for (const value of [null, 7, 'driver', true, Buffer.from([1, 2]), new Date(NOW)]) {
      expect(world.outcome(value)).toBe('BAD_FIX');
    }
  });

  test('a row has 1 to 9 elements', () => {
    const world = open();
    const row = ['a', 1, 2, NOW, 0, 0, 0, [], 60];
    expect(world.outcome(row)).toBe('accepted');
    expect(world.outcome([...row, null])).toBe('BAD_FIX');
    expect(world.outcome([])).toBe('BAD_FIX');
    expect(world.outcome(['b', 1, 2])).toBe('accepted');
    expect(world.outcome(['c', 1])).toBe('BAD_LON');
    expect(world.outcome(['c'])).toBe('BAD_LAT');
  });

  test('an absent field of a map is as null, and unknown fields are ignored', () => {
    const world = open();
    expect(world.outcome({ id: 'a', lat: 1 })).toBe('BAD_LON');
    expect(world.outcome({ lat: 1, lon: 2 })).toBe('BAD_ID');
    expect(world.outcome({})).toBe('BAD_ID');
    const strange = new Map<unknown, unknown>([
      [7, 'seven'],
      [null, 'nothing'],
      ['extra', { deep: [[[[{ er: 1 }]]]] }],
      ['', new Date(NOW)],
      ['id', 'a'],
      ['lat', 1],
      ['lon', 2],
      [['lat'], 'an array as a name'],
    ]);
    expect(world.outcome(strange)).toBe('accepted');
    expect(world.driver('a')).toEqual({ id: 'a', lat: 1, lon: 2, time: NOW, ttl: 60, age: 0 });
  });

  test('of a name given twice the last counts', () => {
    const bytes = Buffer.concat([
      Buffer.from([0x91, 0x84, 0xa2]),
      Buffer.from('id'),
      Buffer.from([0xa1]),
      Buffer.from('a'),
      ...[1, 2].flatMap((lat) => [Buffer.from([0xa3]), Buffer.from('lat'), Buffer.from([lat])]),
      Buffer.from([0xa3]),
      Buffer.from('lon'),
      Buffer.from([3]),
    ]);
    const world = open();
    expect(world.applyBytes(bytes).accepted).toBe(1);
    expect(world.driver('a')?.lat).toBe(2);
  });

  test('of several faults the first in the order of the codes is reported', () => {
    const world = open();
    const bad: unknown[] = [1, 91, 181, -1, -1, -1, -1, ['', ''], -1];
    const good: unknown[] = ['a', 1, 1, NOW, 0, 0, 0, [], 60];
    const codes = ['ID', 'LAT', 'LON', 'TIME', 'HEADING', 'SPEED', 'ACCURACY', 'TAGS', 'TTL'].map((c) => `BAD_${c}`);
    const outcomes = codes.map((_, i) => world.outcome([...good.slice(0, i), ...bad.slice(i)]));
    expect(outcomes).toEqual(codes);
    expect(world.outcome(['a', 1, 1, NOW + 60_001, -1])).toBe('FUTURE_TIME');
    const many = Array.from({ length: 33 }, (_, i) => `t${i}`);
    expect(world.outcome(['a', 1, 1, NOW, 0, 0, 0, many, -1])).toBe('TOO_MANY_TAGS');
  });

  test('broken UTF-8 makes a bad id or tag, whatever follows', () => {
    const world = open();
    for (const broken of [[0x80], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0x61, 0xe2, 0x82]]) {
      const text = Buffer.from([0xa0 | broken.length, ...broken]);
      const id = Buffer.concat([Buffer.from([0x91, 0x93]), text, Buffer.from([1, 2])]);
      expect(world.applyBytes(id).rejected.map(({ code }) => code)).toEqual(['BAD_ID']);
      const tags = Buffer.concat([Buffer.from([0x91, 0x98, 0xa1, 0x61, 1, 2, 0xc0, 0xc0, 0xc0, 0xc0, 0x91]), text]);
      expect(world.applyBytes(tags).rejected.map(({ code }) => code)).toEqual(['BAD_TAGS']);
    }
  });

  test('numbers are taken in every width of MessagePack', () => {
    const encodings = [
      Buffer.from([0x05]),
      Buffer.from([0xcc, 5]),
      Buffer.from([0xcd, 0, 5]),
      Buffer.from([0xce, 0, 0, 0, 5]),
      Buffer.from([0xcf, 0, 0, 0, 0, 0, 0, 0, 5]),
      Buffer.from([0xd0, 5]),
      Buffer.from([0xd1, 0, 5]),
      Buffer.from([0xd2, 0, 0, 0, 5]),
      Buffer.from([0xd3, 0, 0, 0, 0, 0, 0, 0, 5]),
      Buffer.from([0xca, 0x40, 0xa0, 0, 0]),
      double(5),
    ];
    for (const five of encodings) {
      const world = open();
      expect(world.applyBytes(Buffer.concat([Buffer.from([0x91, 0x93, 0xa1, 0x61]), five, five])).accepted).toBe(1);
      expect(world.driver('a')).toMatchObject({ lat: 5, lon: 5 });
    }
  });

  test('every fix of a batch is judged by itself, and each rejection names its index, code and value', () => {
    const world = open();
    const result = world.apply(['a', 1, 1], ['b', 123.4, 1], ['a', 1, 1], 'x', ['c', 2, 2], ['a', 5, 5, NOW - 1]);
    expect(result).toMatchObject({ accepted: 2, stale: 1, duplicate: 1 });
    expect(result.rejected.map(({ index, code }) => [index, code])).toEqual([
      [1, 'BAD_LAT'],
      [3, 'BAD_FIX'],
    ]);
    expect(result.rejected[0]?.message).toBe('lat must be within -90..90, got 123.4');
    expect(world.nearestIds(1, 1)).toEqual(['a', 'c']);
  });

  test('a message stays short, however long the value is', () => {
    const world = open();
    const long = repeat('🚕x', 5_000);
    for (const fix of [[long, 1, 1], ['a', long, 1], ['a', 1, 1, long], ['a', 1, 1, NOW, 0, 0, 0, [long]], long]) {
      const { rejected } = world.apply(fix);
      expect(rejected).toHaveLength(1);
      expect(rejected[0]?.message.length).toBeLessThan(200);
      expect(rejected[0]?.message).not.toContain('\ufffd');
    }
  });

  test('an empty batch is no fault', () => {
    expect(open().apply()).toEqual({ accepted: 0, stale: 0, duplicate: 0, rejected: [] });
  });

  test('a driver is answered as it was given, bit for bit', () => {
    const world = open();
    const fix = {
      id: 'a',
      lat: 0.1 + 0.2,
      lon: -180,
      time: NOW - 0.25,
      heading: 270,
      speed: 8.3,
      accuracy: 5,
      ttl: 0.5,
    };
    world.put({ ...fix, tags: ['xl', 'free', 'é', 'free'] });
    expect(world.driver('a')).toEqual({ ...fix, tags: ['free', 'xl', 'é'], age: 0.00025 });
    expect(world.driver('b')).toBeUndefined();
    const [answered] = world.nearest(0.3, 180).drivers;
    expect(answered).toEqual({
      id: 'a',
      lat: 0.1 + 0.2,
      lon: -180,
      distance: expect.closeTo(0, 3) as number,
      age: 0.00025,
      heading: 270,
      speed: 8.3,
      tags: ['free', 'xl', 'é'],
    });
  });

  test('an ISO time is kept to the millisecond, digits past it dropped', () => {
    const world = open();
    world.put(['a', 1, 1, '2014-09-18T02:26:40.1239+02:00'], ['b', 1, 1, '2014-09-17T18:56:40.5-0530']);
    expect(world.driver('a')?.time).toBe(NOW + 123);
    expect(world.driver('b')?.time).toBe(NOW + 500);
    expect(world.driver('a')?.age).toBe(-0.123);
  });

  test('ids that differ in normalisation or in case are different drivers', () => {
    const world = open();
    world.put(['é', 1, 1], ['e\u0301', 1, 1], ['É', 1, 1], ['É'.toLowerCase(), 1, 2]);
    expect(world.engine.stats().drivers).toBe(3);
  });
});
