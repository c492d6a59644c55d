// Candidates for ranking: what several searches around one place find, a driver once; over every engine, and the native one's own way compared
// with the slow one, of decoded answers.

import { unpack } from 'msgpackr';
import { expect, test } from 'vitest';
import type { CandidateSearch } from '../../src/drivers/candidate-table.ts';
import { CandidateList } from '../../src/drivers/candidates.ts';
import type { DriverEngine, ReplyBuffer } from '../../src/drivers/engine.ts';
import { seededRandom } from '../../src/demo/random.ts';
import { type AnsweredDriver, forEachEngine, NOW, type World } from '../support/engines.ts';

type Ranked = AnsweredDriver & { readonly eta?: number; readonly etaSource?: string };

const SEED = 20_261;

const around = (lat: number, lon: number, more: Partial<CandidateSearch> = {}): CandidateSearch => ({
  query: { kind: 'nearest', lat, lon, k: 1, radiusMeters: 1 },
  k: 10,
  radiusMeters: 5_000,
  notTags: undefined,
  groups: [[]],
  ...more,
});

/** All rows in the order that they are in, as they would be answered. */
function rowsOf(list: CandidateList, engine: DriverEngine, source?: string): Ranked[] {
  for (let row = 0; row < list.count; row++) list.order[row] = row;
  return ranked(list, engine, list.count, source);
}

function ranked(
  list: CandidateList,
  engine: DriverEngine,
  count: number,
  source?: string,
  unanswered?: Uint8Array,
): Ranked[] {
  const out: ReplyBuffer = { bytes: new Uint8Array(200_000 + 2 * list.byteLength) };
  const end = list.writeRanked(engine, count, source, unanswered, out, 5);
  return unpack(out.bytes.subarray(5, end)) as Ranked[];
}

/** What each search found, as ids. */
function foundOf(list: CandidateList, engine: DriverEngine, searches: number): string[][] {
  const ids = rowsOf(list, engine).map(({ id }) => id);
  let start = 0;
  return Array.from({ length: searches }, (_, search) => {
    const end = list.ends[search] as number;
    const found = Array.from(list.found.subarray(start, end), (row) => ids[row] as string);
    start = end;
    return found;
  });
}

/** The engine without a way of its own. */
function slow(engine: DriverEngine): DriverEngine {
  return { search: engine.search.bind(engine) } as unknown as DriverEngine;
}

/** Each at its own distance from 0, 0: a10 is ten thousandths of a degree away. */
function cabs(world: World): void {
  world.put(
    ['a10', 0.01, 0, NOW, 90, 8, null, ['free', 'xl']],
    ['b20', 0.02, 0, NOW, null, null, null, ['free']],
    ['c30', 0, 0.03, NOW, null, null, null, ['van']],
    ['d40', 0, 0.04, NOW, null, null, null, ['xl', 'van']],
  );
}

forEachEngine('candidates', (open) => {
  test('are what each search finds, nearest first, and a driver found twice is one row', () => {
    const world = open();
    cabs(world);
    const list = new CandidateList();
    list.fill(world.engine, around(0, 0, { groups: [['xl'], ['free'], ['van'], ['xl', 'van']] }), NOW);
    expect(foundOf(list, world.engine, 4)).toEqual([['a10', 'd40'], ['a10', 'b20'], ['c30', 'd40'], ['d40']]);
    expect(rowsOf(list, world.engine).map(({ id }) => id)).toEqual(['a10', 'd40', 'b20', 'c30']);
  });

  test('have the numbers to rank by', () => {
    const world = open();
    cabs(world);
    const list = new CandidateList();
    list.fill(world.engine, around(0, 0), NOW);
    expect(list.count).toBe(4);
    expect([list.lat(0), list.lon(0), list.heading(0), list.speed(0)]).toEqual([0.01, 0, 90, 8]);
    expect([list.lat(2), list.lon(2), list.heading(2), list.speed(2)]).toEqual([0, 0.03, Number.NaN, Number.NaN]);
    expect(list.distance(2)).toBeCloseTo(3_335.8, 0);
  });

  test('are answered in any order, with travel times and their source, or without', () => {
    const world = open();
    cabs(world);
    const list = new CandidateList();
    list.fill(world.engine, around(0, 0), NOW);
    list.order.set([3, 0]);
    list.keys.set([61.5, 0, 0, 42]);
    expect(ranked(list, world.engine, 2, 'learned')).toEqual([
      { ...world.nearest(0, 0).drivers[3], eta: 42, etaSource: 'learned' },
      { ...world.nearest(0, 0).drivers[0], eta: 61.5, etaSource: 'learned' },
    ]);
    expect(ranked(list, world.engine, 2)).toEqual([3, 0].map((i) => world.nearest(0, 0).drivers[i]));
    expect(ranked(list, world.engine, 0)).toEqual([]);
    const unanswered = Uint8Array.of(1, 0, 0, 0);
    expect(ranked(list, world.engine, 2, 'osrm', unanswered)).toMatchObject([
      { eta: 42, etaSource: 'osrm' },
      { eta: 61.5, etaSource: 'learned' },
    ]);
  });

  test('keep within k, radius and the conditions that all searches have', () => {
    const world = open();
    cabs(world);
    world.put(['old', 0.001, 0, NOW - 30_000, null, null, null, ['free']]);
    const list = new CandidateList();
    const fresh = { ...around(0, 0).query, maxAgeSeconds: 10 };
    const groups = [['free'], ['van'], []];
    list.fill(world.engine, around(0, 0, { query: fresh, groups, k: 1, notTags: ['xl'] }), NOW);
    expect(foundOf(list, world.engine, 3)).toEqual([['b20'], ['c30'], ['b20']]);
    list.fill(world.engine, around(0, 0, { groups: [['free'], []], radiusMeters: 1_000 }), NOW);
    expect(foundOf(list, world.engine, 2)).toEqual([['old'], ['old']]);
    const any = { ...around(0, 0).query, anyTags: ['van', 'nobody'] };
    list.fill(world.engine, around(0, 0, { query: any, groups: [['xl']] }), NOW);
    expect(foundOf(list, world.engine, 1)).toEqual([['d40']]);
  });

  test('are none where nobody is, or nobody carries the tag', () => {
    const world = open();
    cabs(world);
    const list = new CandidateList();
    list.fill(world.engine, around(0, 0, { groups: [['unheard'], ['van']] }), NOW);
    expect(foundOf(list, world.engine, 2)).toEqual([[], ['c30', 'd40']]);
    list.fill(world.engine, around(50, 50, { groups: [[], ['van']] }), NOW);
    expect(list.count).toBe(0);
    expect(foundOf(list, world.engine, 2)).toEqual([[], []]);
  });

  test('may be many, with long ids and tags, after few', () => {
    const world = open();
    const tags = Array.from({ length: 32 }, (_, i) => `${i}`.padStart(64, 't'));
    for (let i = 0; i < 700; i++) {
      const id = `${i}`.padEnd(128, 'x');
      world.put([id, i / 100_000, 0, NOW, 1, 1, null, i % 3 === 0 ? tags : ['free']]);
    }
    const list = new CandidateList();
    list.fill(world.engine, around(0, 0, { k: 2 }), NOW);
    expect(list.count).toBe(2);
    const groups = [['free'], tags, []];
    list.fill(world.engine, around(0, 0, { k: 1_000, groups }), NOW);
    expect(list.count).toBe(700);
    const [free = [], tagged = [], all = []] = foundOf(list, world.engine, 3);
    expect([free.length, tagged.length, all.length]).toEqual([466, 234, 700]);
    expect(all.map((id) => Number.parseInt(id, 10))).toEqual(Array.from({ length: 700 }, (_, i) => i));
  });

  test('that were many are let go of, and few are found after them', () => {
    const world = open();
    cabs(world);
    const list = new CandidateList();
    const room = list.keys.length;
    list.fill(world.engine, around(0, 0, { k: 1_000, groups: Array.from({ length: 8 }, () => []) }), NOW);
    expect(list.keys.length).toBeGreaterThanOrEqual(8_000);
    list.release();
    expect([list.count, list.keys.length]).toEqual([0, room]);
    list.fill(world.engine, around(0, 0, { groups: [['xl']] }), NOW);
    expect(foundOf(list, world.engine, 1)).toEqual([['a10', 'd40']]);
  });

  test('of two lists do not get into each other', () => {
    const world = open();
    cabs(world);
    const [one, other] = [new CandidateList(), new CandidateList()];
    one.fill(world.engine, around(0, 0, { groups: [['free']] }), NOW);
    other.fill(world.engine, around(0, 0, { groups: [['van']] }), NOW);
    expect(foundOf(one, world.engine, 1)).toEqual([['a10', 'b20']]);
    expect(foundOf(other, world.engine, 1)).toEqual([['c30', 'd40']]);
  });

  test('are refused where the zone is not known', () => {
    const world = open();
    const query = { ...around(0, 0).query, zone: { layer: 'no', id: 'where' } };
    const fill = (): void => new CandidateList().fill(world.engine, around(0, 0, { query }), NOW);
    expect(fill).toThrow(expect.objectContaining({ code: 'UNKNOWN_ZONE' }));
  });

  test('are refused where one search would look at too many', () => {
    const world = open({ searchCandidatesMax: 3 });
    cabs(world);
    const fill = (): void => new CandidateList().fill(world.engine, around(0, 0, { groups: [['van'], []] }), NOW);
    expect(fill).toThrow(expect.objectContaining({ code: 'SEARCH_TOO_WIDE' }));
  });

  test(`are those of the slow way, seed ${SEED}`, () => {
    const random = seededRandom(SEED);
    const world = open();
    const tags = ['free', 'xl', 'van', 'pet'];
    const some = (): string[] => tags.filter(() => random() < 0.4);
    for (let i = 0; i < 2_000; i++) {
      // Cities of different density, some of it on shared positions.
      const spread = [0.001, 0.01, 0.1][i % 3] as number;
      const near = (of: number): number => of + Math.round((random() - 0.5) * 400) * (spread / 200);
      const heading = random() < 0.5 ? null : Math.floor(random() * 360);
      world.put([`cab:${i}`, near(37.77), near(-122.42), NOW, heading, random() * 20, null, some()]);
    }
    const [fast, twin] = [new CandidateList(), new CandidateList()];
    for (let i = 0; i < 300; i++) {
      const groups = Array.from({ length: 1 + Math.floor(random() * 4) }, some);
      const search = around(37.77 + (random() - 0.5) * 0.05, -122.42 + (random() - 0.5) * 0.05, {
        groups,
        k: 1 + Math.floor(random() ** 3 * 200),
        radiusMeters: random() * 9_000,
        notTags: random() < 0.2 ? ['pet'] : undefined,
      });
      fast.fill(world.engine, search, NOW);
      twin.fill(slow(world.engine), search, NOW);
      expect(rowsOf(fast, world.engine, 'learned')).toEqual(rowsOf(twin, slow(world.engine), 'learned'));
      expect(foundOf(fast, world.engine, groups.length)).toEqual(foundOf(twin, slow(world.engine), groups.length));
      for (let row = 0; row < fast.count; row++) {
        expect([fast.lat(row), fast.lon(row), fast.distance(row), fast.heading(row), fast.speed(row)]).toEqual([
          twin.lat(row),
          twin.lon(row),
          twin.distance(row),
          twin.heading(row),
          twin.speed(row),
        ]);
      }
    }
  });
});
