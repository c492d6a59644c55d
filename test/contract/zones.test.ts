// Real zones and recorded cases, through the whole way in: what is refused, and that native, portable and oracle agree on what is taken.

import { describe, expect, test } from 'vitest';
import { parse } from 'csv-parse/sync';
import { seededRandom } from '../../src/demo/random.ts';
import { type Fault, ZonesRefused } from '../../src/zones/faults.ts';
import { type IngestOptions, ingestLayer } from '../../src/zones/ingest.ts';
import type { Layer } from '../../src/zones/layer.ts';
import { readShared, reportMissingData } from '../support/shared-data.ts';
import { hasNativeZones, idsAt, nativeIndex, zoneIndexes } from '../support/zone-indexes.ts';
import { ZoneOracle } from '../support/zone-oracle.ts';

const COUNTIES = 'zones/us_counties/us_counties_10m.geojson.gz';
const STATES = 'zones/us_counties/us_states_10m.geojson';
const TAXI_ZONES = 'zones/nyc_taxi_zones/taxi_zones.geojson.gz';
const PICKUPS = ['apr', 'may', 'jun'].map((month) => `uber_nyc_2014/uber-raw-data-${month}14.csv.gz`);
const STITCHED = 'zones/world/world_countries_50m_stitched.geojson.gz';
const CUT = 'zones/world/ne_110m_admin_0_countries.json.gz';
const CUT_LAND = 'zones/world/ne_50m_land.json.gz';
const TURF = 'suites/turf_pip/boolean_point_in_polygon_cases.json';
const HAO = 'suites/pip_hao/pip_hao_cases.ndjson';

function faultsOf(text: string, options: IngestOptions = {}): readonly Fault[] {
  try {
    ingestLayer('layer', JSON.parse(text), options);
    return [];
  } catch (error) {
    if (error instanceof ZonesRefused) return error.faults;
    throw error;
  }
}

const layerOf = (name: string, text: string, options: IngestOptions): Layer =>
  ingestLayer(name, JSON.parse(text), options).layer;

/** Some countries have no id, and two have the same: each gets its name, or else its place in the file. */
function numbered(name: string, text: string): Layer {
  const json = JSON.parse(text);
  json.features.forEach((feature: { id: unknown; properties: { name?: string } }, i: number) => {
    feature.id = feature.properties.name ?? i;
  });
  return ingestLayer(name, json, { repair: true }).layer;
}

describe('US counties and states', () => {
  reportMissingData(COUNTIES, STATES);
  const counties = readShared(COUNTIES);
  const states = readShared(STATES);

  test.runIf(counties !== undefined)('are refused for five counties that cross themselves and one stray hole', () => {
    const faults = faultsOf(counties as string).map(({ code, feature }) => `${code} ${feature}`);
    expect(faults).toEqual([
      'HOLE_OUTSIDE 471',
      'SELF_CROSSING 914',
      'SELF_CROSSING 1303',
      'SELF_CROSSING 2044',
      'SELF_CROSSING 2056',
      'SELF_CROSSING 2714',
    ]);
  });

  test.runIf(counties !== undefined && states !== undefined)(
    'are taken with repair, and points inside of a county lie in its state',
    async () => {
      const layers = [
        layerOf('counties', counties as string, { repair: true }),
        layerOf('states', states as string, { repair: true }),
      ];
      expect(layers[0]?.ids).toHaveLength(3231);
      const indexes = await zoneIndexes(1, layers);
      const oracle = new ZoneOracle(layers);
      const random = seededRandom(7);
      let inCounties = 0;
      for (let i = 0; i < 3_000; i++) {
        const lat = 24.5 + random() * 25;
        const lon = -125 + random() * 58.5;
        const answers = indexes.map(([, index]) => idsAt(index, lat, lon));
        if (i < 60) answers.push(oracle.lookup(lat, lon).map((zone) => `${zone.layer}/${zone.id}`));
        for (const answer of answers) expect(answer).toEqual(answers[0]);
        for (const id of answers[0] ?? []) {
          if (!id.startsWith('counties/')) continue;
          inCounties++;
          expect(answers[0]).toContain(`states/${id.slice('counties/'.length, 'counties/'.length + 2)}`);
        }
      }
      expect(inCounties).toBeGreaterThan(1_000);
    },
  );
});

describe('New York taxi zones and Uber pickups', () => {
  reportMissingData(TAXI_ZONES, ...PICKUPS);
  const zones = readShared(TAXI_ZONES);
  const pickups = PICKUPS.map(readShared);

  test.runIf(zones !== undefined)('need an id that is unique', () => {
    expect(faultsOf(zones as string, { idProperty: 'LocationID' }).map(({ code }) => code)).toEqual(
      Array.from({ length: 3 }, () => 'DUPLICATE_ID'),
    );
    expect(faultsOf(zones as string, { idProperty: 'OBJECTID' })).toEqual([]);
  });

  test.runIf(zones !== undefined && pickups.every((text) => text !== undefined))(
    'are the same for every pickup in every index',
    { timeout: 120_000 },
    async () => {
      const layer = layerOf('taxi', zones as string, { idProperty: 'OBJECTID' });
      const indexes = await zoneIndexes(1, [layer]);
      const oracle = new ZoneOracle([layer]);
      let seen = 0;
      let found = 0;
      for (const text of pickups) {
        for (const [, lat, lon] of parse(text as string, { from: 2 }) as string[][]) {
          const answers = indexes.map(([, index]) => index.lookup(Number(lat), Number(lon)));
          for (const answer of answers) expect(answer).toEqual(answers[0]);
          if (seen % 10_000 === 0) {
            const expected = oracle.lookup(Number(lat), Number(lon)).map(({ id }) => id);
            const numbers = answers[0] ?? [];
            expect(numbers.map((number) => indexes[0]?.[1].zone(number).id)).toEqual(expected);
          }
          seen++;
          found += answers[0]?.length === 0 ? 0 : 1;
        }
      }
      expect(seen).toBe(196_605);
      expect(found / seen).toBeGreaterThan(0.97);
    },
  );
});

describe('the world', () => {
  reportMissingData(STITCHED, CUT, CUT_LAND);
  const stitched = readShared(STITCHED);
  const land = readShared(CUT_LAND);

  test.runIf(stitched !== undefined && land !== undefined)(
    'stitched across the antimeridian is the same land as the world cut there',
    async () => {
      const layers = [numbered('countries', stitched as string), numbered('land', land as string)];
      const indexes = await zoneIndexes(1, layers);
      const random = seededRandom(11);
      for (const [name, index] of indexes) {
        const isLand = (lat: number, lon: number): [boolean, boolean] => [
          index.lookup(lat, lon, 'countries').length > 0,
          index.lookup(lat, lon, 'land').length > 0,
        ];
        let different = 0;
        for (let i = 0; i < 4_000; i++) {
          const [a, b] = isLand(Math.asin(2 * random() - 1) * (180 / Math.PI), 360 * random() - 180);
          if (a !== b) different++;
        }
        // Two generalisations of the same coasts; and the cut land has holes where countries have lakes.
        expect({ name, different: different < 4_000 * 0.01 }).toEqual({ name, different: true });
        for (const lon of [-180, -179.99, -90, 0, 90, 179.99, 180]) expect(isLand(-89.9, lon)).toEqual([true, true]);
        const at = (lat: number, lon: number): string[] => idsAt(index, lat, lon, 'countries');
        for (const lon of [180, -180, 179.9, -179.9]) expect(at(68, lon)).toEqual(['countries/Russia']);
        expect(at(-16.5, -179.95)).toEqual(['countries/Fiji']);
        expect(at(-30, -150)).toEqual([]);
        expect(at(85, 0)).toEqual([]);
      }
    },
  );

  test.runIf(stitched !== undefined && hasNativeZones)('is the same in the native index and the oracle', async () => {
    const layer = numbered('countries', stitched as string);
    const index = await nativeIndex(1, [layer]);
    const oracle = new ZoneOracle([layer]);
    const random = seededRandom(13);
    for (let i = 0; i < 40; i++) {
      const lat = Math.asin(2 * random() - 1) * (180 / Math.PI);
      const lon = i % 4 === 0 ? 180 - random() : 360 * random() - 180;
      expect(idsAt(index, lat, lon)).toEqual(oracle.lookup(lat, lon).map(({ id }) => `countries/${id}`));
    }
  });
});

describe('cases that other libraries record', () => {
  reportMissingData(TURF, HAO);
  const turf = readShared(TURF);
  const hao = readShared(HAO);
  type Case = {
    name: string;
    point: [number, number];
    geometry: { type: string; coordinates: unknown };
    inside: boolean;
  };

  /** Those on the globe; and the boundary belongs to a zone, whatever the other library was told. */
  function casesOf(turfText: string, haoText: string): Case[] {
    const cases: Case[] = [];
    for (const { test: name, point, polygon, ignoreBoundary, expected } of JSON.parse(turfText)) {
      const geometry = polygon.geometry ?? polygon;
      if (!ignoreBoundary && geometry?.coordinates !== undefined)
        cases.push({ name, point, geometry, inside: expected });
    }
    for (const line of haoText.trim().split('\n')) {
      const { test: name, point, polygon, expected } = JSON.parse(line);
      if (expected === 'error' || !Array.isArray(polygon)) continue; // some name a file that is not there
      cases.push({ name, point, geometry: { type: 'Polygon', coordinates: polygon }, inside: expected !== false });
    }
    return cases.filter(({ point, geometry }) => {
      const numbers = (geometry.coordinates as unknown[]).flat(5) as number[];
      return (
        Math.abs(point[0]) <= 180 &&
        Math.abs(point[1]) <= 90 &&
        numbers.every((n, i) => Math.abs(n) <= (i % 2 === 0 ? 180 : 90))
      );
    });
  }

  test.runIf(turf !== undefined && hao !== undefined)('are answered as recorded', async () => {
    const cases = casesOf(turf as string, hao as string);
    expect(cases.length).toBeGreaterThan(60);
    for (const { name, point, geometry, inside } of cases) {
      const feature = { type: 'Feature', id: 'zone', properties: null, geometry };
      const { layer } = ingestLayer('layer', { type: 'FeatureCollection', features: [feature] }, { repair: true });
      for (const [kind, index] of await zoneIndexes(1, [layer])) {
        const found = index.lookup(point[1], point[0]).length === 1;
        expect({ name, kind, point, inside: found }).toEqual({ name, kind, point, inside });
      }
    }
  });
});
