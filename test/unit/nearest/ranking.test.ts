// Ranking in place, against its definition.

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { openPortableEngine } from '../../../src/drivers/portable.ts';
import { CandidateList } from '../../../src/drivers/candidates.ts';
import { rank } from '../../../src/nearest/ranking.ts';

/** A list with room for `room` rows, as if so many rows had been found. */
function listOf(room: number, searches: readonly (readonly number[])[], keys: readonly number[]): CandidateList {
  const list = new CandidateList();
  const engine = Object.assign(
    Object.create(null),
    openPortableEngine({ driversMax: 1, ttlSecondsDefault: 1, searchCandidatesMax: 1 }),
    {
      candidates: () => keys.length,
    },
  );
  const query = { kind: 'nearest', lat: 0, lon: 0, k: 1, radiusMeters: 1 } as const;
  list.fill(engine, { query, k: room, radiusMeters: 1, notTags: undefined, groups: searches.map(() => []) }, 0);
  list.found.set(searches.flat());
  let end = 0;
  searches.forEach((found, i) => (list.ends[i] = end += found.length));
  list.keys.set(keys);
  return list;
}

/** The k best of each, then all of those by key, then by row. */
function slowly(searches: readonly (readonly number[])[], keys: readonly number[], k: number): number[] {
  const byKey = (a: number, b: number): number => (keys[a] as number) - (keys[b] as number) || a - b;
  const best = searches.flatMap((found) => found.toSorted(byKey).slice(0, k));
  return [...new Set(best)].sort(byKey);
}

test('takes the best of each search, each driver once', () => {
  const list = listOf(
    3,
    [
      [0, 1, 2],
      [2, 3],
    ],
    [30, 10, 20, 20],
  );
  expect(rank(list, 2, 2)).toBe(3);
  expect([...list.order.subarray(0, 3)]).toEqual([1, 2, 3]);
});

test('takes nothing of searches that found nothing', () => {
  expect(rank(listOf(1, [[], []], []), 2, 5)).toBe(0);
});

test('puts those that were not answered last, and leaves their times as they are', () => {
  const list = listOf(4, [[0, 1, 2, 3]], [30, 10.1, 20, 5]);
  expect(rank(list, 1, 3, Uint8Array.of(0, 1, 0, 1))).toBe(3);
  expect([...list.order.subarray(0, 3)]).toEqual([2, 0, 3]);
  expect([...list.keys.subarray(0, 4)]).toEqual([30, 10.1, 20, 5]);
});

test('is what the definition says, for few rows and many', () => {
  const scenario = fc.integer({ min: 1, max: 150 }).chain((rows) =>
    fc.record({
      keys: fc.array(fc.integer({ min: 0, max: 40 }), { minLength: rows, maxLength: rows }),
      searches: fc.array(fc.uniqueArray(fc.integer({ min: 0, max: rows - 1 })), { minLength: 1, maxLength: 4 }),
      k: fc.integer({ min: 1, max: 100 }),
    }),
  );
  fc.assert(
    fc.property(scenario, ({ keys, searches, k }) => {
      const list = listOf(keys.length, searches, keys);
      const count = rank(list, searches.length, k);
      expect([...list.order.subarray(0, count)]).toEqual(slowly(searches, keys, k));
    }),
    { seed: 31_337, numRuns: 500 },
  );
});
