// The log of slow requests, by a clock of the test's.

import { expect, test } from 'vitest';
import { outlineOf, SlowLog, type SlowRequest } from '../../../src/overload/slow-log.ts';

test('writes ten lines a second, and then how many were left out', () => {
  let now = 0;
  const lines: SlowRequest[] = [];
  const log = new SlowLog(
    100,
    (line) => lines.push(line),
    () => now,
  );
  expect(log.micros).toBe(100_000);
  for (let i = 0; i < 25; i++) log.note('within', 'ws', 123_456.7, () => ({ limit: i }));
  expect(lines).toHaveLength(10);
  expect(lines[9]).toEqual({ slow: true, op: 'within', transport: 'ws', micros: 123_457, limit: 9 });
  now = 1_000;
  for (let i = 0; i < 2; i++) log.note('nearest', 'http', 1e6, () => ({}));
  expect(lines.slice(10)).toEqual([
    { slow: true, op: 'nearest', transport: 'http', micros: 1e6, leftOut: 15 },
    { slow: true, op: 'nearest', transport: 'http', micros: 1e6 },
  ]);
});

test('is none with 0', () => {
  expect(new SlowLog(0, () => {}).micros).toBe(Number.POSITIVE_INFINITY);
});

test('says how much was asked for, and neither who nor where', () => {
  const ring = [
    [1, 2],
    [3, 4],
    [5, 6],
    [1, 2],
  ] as const;
  const polygons = { kind: 'polygons', polygons: [[ring], [ring, ring]] } as const;
  const within = {
    kind: 'within',
    area: polygons,
    limit: 5,
    notTags: ['a', 'b'],
    zone: { layer: 'l', id: 'z' },
  } as const;
  expect(outlineOf({ op: 'within', query: within })).toEqual({
    area: 'polygons',
    limit: 5,
    vertices: 12,
    notTags: 2,
    inZone: true,
  });
  expect(outlineOf({ op: 'driver', id: 'somebody' })).toEqual({});
  expect(outlineOf({ op: 'zonesAt', query: { layer: undefined, points: new Float64Array(8) } })).toEqual({ points: 4 });
  expect(outlineOf({ op: 'locations', batch: new Uint8Array(99), quiet: false, durable: false })).toEqual({
    bytes: 99,
  });
});
