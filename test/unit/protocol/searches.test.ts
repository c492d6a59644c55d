// What requests are made of: each parameter's range, and how a bad value is refused.

import { describe, expect, test } from 'vitest';
import { RazielError } from '../../../src/errors.ts';
import { GEOMETRY_VERTICES_MAX } from '../../../src/limits.ts';
import { readRequest } from '../../../src/protocol/requests.ts';
import { readSearch, readSearches } from '../../../src/protocol/searches.ts';

function refusalOf(work: () => unknown): { code: string; field?: string; index?: number; message: string } {
  try {
    work();
  } catch (error) {
    if (error instanceof RazielError) return error.toBody();
    throw error;
  }
  throw new Error('it was not refused');
}

const HERE = { lat: 1, lon: 2 };
const SQUARE = [
  [0, 0],
  [1, 0],
  [1, 1],
  [0, 0],
];
const area = (coordinates: unknown, type = 'Polygon'): Record<string, unknown> => ({ geometry: { type, coordinates } });

describe('a nearest search', () => {
  test('takes its defaults for what is absent or null', () => {
    expect(readRequest('nearest', { ...HERE, k: null }, undefined)).toEqual({
      op: 'nearest',
      query: { kind: 'nearest', lat: 1, lon: 2, k: 10, radiusMeters: 5000 },
    });
  });

  test('carries every filter to the engine', () => {
    const fields = {
      ...HERE,
      k: 3,
      radius: 0,
      tags: ['a', 'a'],
      anyTags: ['b'],
      notTags: ['c'],
      maxAge: 0.5,
      explain: true,
    };
    expect(readRequest('nearest', fields, undefined)).toEqual({
      op: 'nearest',
      query: {
        kind: 'nearest',
        lat: 1,
        lon: 2,
        k: 3,
        radiusMeters: 0,
        tags: ['a'],
        anyTags: ['b'],
        notTags: ['c'],
        maxAgeSeconds: 0.5,
        explain: true,
      },
    });
  });

  test('says what it asks for beyond distance, with policy unless told otherwise', () => {
    const plain = { fare: false, to: undefined, k: undefined, radiusMeters: undefined, groups: [] };
    const rankingOf = (fields: object): unknown => {
      const request = readRequest('nearest', { ...HERE, ...fields }, undefined);
      return request.op === 'nearest' ? request.query.ranking : request.op;
    };
    expect(rankingOf({})).toBeUndefined();
    expect(rankingOf({ rank: 'eta' })).toEqual({ ...plain, rank: 'eta', policy: true });
    expect(rankingOf({ rank: 'eta', policy: false })).toEqual({ ...plain, rank: 'eta', policy: false });
    expect(rankingOf({ policy: true, k: 3 })).toEqual({ ...plain, rank: 'distance', policy: true, k: 3 });
    expect(rankingOf({ fare: true, toLat: 1, toLon: 2, groups: [['xl']] })).toEqual({
      ...plain,
      rank: 'distance',
      policy: true,
      fare: true,
      to: { lat: 1, lon: 2 },
      groups: [['xl']],
    });
  });

  test('lets an empty list of tags pass everything, and rank=distance be said', () => {
    expect(readRequest('nearest', { ...HERE, anyTags: [], rank: 'distance' }, undefined)).toEqual({
      op: 'nearest',
      query: { kind: 'nearest', lat: 1, lon: 2, k: 10, radiusMeters: 5000 },
    });
  });

  test.each([
    [{ lon: 2 }, 'BAD_LAT', 'lat'],
    [{ ...HERE, lat: '1' }, 'BAD_LAT', 'lat'],
    [{ ...HERE, lat: 90.0000001 }, 'BAD_LAT', 'lat'],
    [{ ...HERE, lat: Number.NaN }, 'BAD_LAT', 'lat'],
    [{ ...HERE, lon: Number.POSITIVE_INFINITY }, 'BAD_LON', 'lon'],
    [{ ...HERE, lon: -180.1 }, 'BAD_LON', 'lon'],
    [{ ...HERE, lon: 10n ** 30n }, 'BAD_LON', 'lon'],
    [{ ...HERE, k: 0 }, 'BAD_K', 'k'],
    [{ ...HERE, k: 1001 }, 'BAD_K', 'k'],
    [{ ...HERE, k: 2.5 }, 'BAD_K', 'k'],
    [{ ...HERE, radius: -1 }, 'BAD_RADIUS', 'radius'],
    [{ ...HERE, radius: 1_000_001 }, 'BAD_RADIUS', 'radius'],
    [{ ...HERE, maxAge: -1 }, 'BAD_MAX_AGE', 'maxAge'],
    [{ ...HERE, tags: 'free' }, 'BAD_TAGS', 'tags'],
    [{ ...HERE, tags: ['a,b'] }, 'BAD_TAGS', 'tags'],
    [{ ...HERE, anyTags: [''] }, 'BAD_TAGS', 'anyTags'],
    [{ ...HERE, notTags: ['x'.repeat(65)] }, 'BAD_TAGS', 'notTags'],
    [{ ...HERE, tags: ['\ud800'] }, 'BAD_TAGS', 'tags'],
    [{ ...HERE, explain: 'yes' }, 'BAD_REQUEST', 'explain'],
    [{ ...HERE, raduis: 5 }, 'BAD_REQUEST', 'raduis'],
    [{ ...HERE, rank: 'speed' }, 'BAD_RANK', 'rank'],
    [{ ...HERE, toLat: 1, fare: true }, 'BAD_REQUEST', 'toLon'],
    [{ ...HERE, groups: 'xl' }, 'BAD_REQUEST', 'groups'],
    [{ ...HERE, groups: [['a,b']] }, 'BAD_TAGS', 'tags'],
    [{ ...HERE, zone: 'ab' }, 'BAD_REQUEST', 'zone'],
    [{ ...HERE, zone: '/b' }, 'BAD_REQUEST', 'zone'],
    [{ ...HERE, zone: 'a/' }, 'BAD_REQUEST', 'zone'],
    [{ ...HERE, zone: 7 }, 'BAD_REQUEST', 'zone'],
    [{ ...HERE, notClaimed: true }, 'NOT_SUPPORTED', 'notClaimed'],
  ])('refuses %o with %s', (fields, code, field) => {
    expect(refusalOf(() => readRequest('nearest', fields, undefined))).toMatchObject({ code, field });
  });

  test('is told the rule and the value that broke it', () => {
    const { message } = refusalOf(() => readRequest('nearest', { ...HERE, lat: 123.4 }, undefined));
    expect(message).toBe('lat must be a number within -90..90, got 123.4');
  });
});

describe('the zone of a search', () => {
  test('is split at the first slash, since ids may have some', () => {
    const request = readRequest('nearest', { ...HERE, zone: 'parks/a/b' }, undefined);
    expect(request).toMatchObject({ query: { zone: { layer: 'parks', id: 'a/b' } } });
  });

  test('is the area of a within alone, and a filter beside another area', () => {
    const zone = { layer: 'a', id: 'b' };
    expect(readRequest('within', { zone: 'a/b' }, undefined)).toEqual({
      op: 'within',
      query: { kind: 'within', area: { kind: 'zone', zone }, limit: 100 },
    });
    expect(readRequest('within', { zone: 'a/b', bbox: [0, 0, 1, 1] }, undefined)).toMatchObject({
      query: { area: { kind: 'bbox' }, zone },
    });
    expect(readSearch({ within: { zone: 'a/b' }, zone: 'c/d' })).toMatchObject({
      area: { kind: 'zone', zone },
      zone: { layer: 'c', id: 'd' },
    });
  });
});

describe('a within search', () => {
  test('takes a box that crosses the antimeridian', () => {
    expect(readSearch({ within: { bbox: [170, -10, -170, 10] }, limit: 5, tags: ['a'] })).toEqual({
      kind: 'within',
      area: { kind: 'bbox', west: 170, south: -10, east: -170, north: 10 },
      limit: 5,
      tags: ['a'],
    });
  });

  test('takes polygons with holes, and drops heights', () => {
    const shell = [...SQUARE.slice(0, 3), [0.5, 2, 100], [0, 0]];
    expect(readSearch({ within: area([[shell, SQUARE]], 'MultiPolygon') })).toMatchObject({
      area: {
        kind: 'polygons',
        polygons: [
          [
            [
              [0, 0],
              [1, 0],
              [1, 1],
              [0.5, 2],
              [0, 0],
            ],
            SQUARE,
          ],
        ],
      },
      limit: 100,
    });
  });

  const manyVertices = Array.from({ length: GEOMETRY_VERTICES_MAX + 1 }, () => [0, 0]);

  test.each([
    [{}, 'BAD_REQUEST', 'within'],
    [{ bbox: [0, 0, 1, 1], circle: { ...HERE, radius: 1 } }, 'BAD_REQUEST', 'within'],
    [{ bbox: [0, 0, 1] }, 'BAD_BBOX', 'bbox'],
    [{ bbox: [0, 2, 1, 1] }, 'BAD_BBOX', 'bbox'],
    [{ bbox: [0, 0, 181, 1] }, 'BAD_BBOX', 'bbox'],
    [{ bbox: ['0', 0, 1, 1] }, 'BAD_BBOX', 'bbox'],
    [{ circle: HERE }, 'BAD_RADIUS', 'radius'],
    [{ circle: [1, 2, 3] }, 'BAD_REQUEST', 'circle'],
    [{ zone: 'ab' }, 'BAD_REQUEST', 'zone'],
    [area([SQUARE], 'Point'), 'BAD_GEOMETRY', 'geometry'],
    [area([]), 'BAD_GEOMETRY', 'geometry'],
    [area([SQUARE.slice(0, 3)]), 'BAD_GEOMETRY', 'geometry'],
    [area([[...SQUARE.slice(0, 3), [0, 0.1]]]), 'BAD_GEOMETRY', 'geometry'],
    [
      area([
        [
          [0, 0],
          [1, 0],
          [1, '1'],
          [0, 0],
        ],
      ]),
      'BAD_GEOMETRY',
      'geometry',
    ],
    [
      area([
        [
          [0, 0],
          [1, 0],
          [1, 91],
          [0, 0],
        ],
      ]),
      'BAD_GEOMETRY',
      'geometry',
    ],
    [
      area([
        [
          [0, 0],
          [1, 0],
          [Number.NaN, 1],
          [0, 0],
        ],
      ]),
      'BAD_GEOMETRY',
      'geometry',
    ],
    [area(SQUARE), 'BAD_GEOMETRY', 'geometry'],
    [area([[SQUARE]]), 'BAD_GEOMETRY', 'geometry'],
    [area([manyVertices]), 'BAD_GEOMETRY', 'geometry'],
    [{ geometry: 'POLYGON' }, 'BAD_GEOMETRY', 'geometry'],
  ])('refuses %j with %s', (fields, code, field) => {
    expect(refusalOf(() => readRequest('within', fields, undefined))).toMatchObject({ code, field });
    expect(refusalOf(() => readSearch({ within: fields }))).toMatchObject({ code, field });
  });

  test.each([[0], [10_001], [1.5], ['5']])('refuses a limit of %j', (limit) => {
    const body = { within: { bbox: [0, 0, 1, 1] }, limit };
    expect(refusalOf(() => readSearch(body))).toMatchObject({ code: 'BAD_LIMIT', field: 'limit' });
  });
});

describe('a search body', () => {
  test.each([
    [null],
    [[]],
    [{}],
    [{ nearest: HERE, within: { bbox: [0, 0, 1, 1] } }],
    [{ nearest: [1, 2] }],
    [{ nearest: HERE, k: 3 }],
    [{ within: { bbox: [0, 0, 1, 1], limit: 3 } }],
  ])('refuses %j', (body) => {
    expect(refusalOf(() => readSearch(body)).code).toBe('BAD_REQUEST');
  });
});

describe('a multisearch', () => {
  test('names the index of the search at fault', () => {
    const searches = [{ nearest: HERE }, { nearest: { ...HERE, k: 0 } }];
    const refused = refusalOf(() => readSearches({ searches }));
    expect(refused).toMatchObject({ code: 'BAD_K', field: 'k', index: 1 });
    expect(refused.message).toContain('search 1');
  });

  test.each([[[]], [undefined], [{ nearest: HERE }], [Array.from({ length: 65 }, () => ({ nearest: HERE }))]])(
    'refuses the searches %j',
    (searches) => {
      expect(refusalOf(() => readSearches({ searches }))).toMatchObject({ code: 'BAD_REQUEST', field: 'searches' });
    },
  );
});

describe('other requests', () => {
  test.each([
    ['driver', {}, 'BAD_ID'],
    ['driver', { id: 42 }, 'BAD_ID'],
    ['remove', { id: '' }, 'BAD_ID'],
    ['remove', { id: 'é'.repeat(65) }, 'BAD_ID'],
    ['supply', { resolution: 16 }, 'BAD_RESOLUTION'],
    ['supply', { bbox: [1] }, 'BAD_BBOX'],
    ['supply', { zone: 'x' }, 'BAD_REQUEST'],
    ['locations', {}, 'BAD_REQUEST'],
    ['locations', { ack: 'maybe' }, 'BAD_REQUEST'],
    ['watch', {}, 'NOT_SUPPORTED'],
    ['fences', {}, 'NOT_SUPPORTED'],
    ['zonesAt', {}, 'BAD_LAT'],
    ['zonesAt', { lat: 1, lon: 181 }, 'BAD_LON'],
    ['zonesAt', { lat: 1, lon: 1, layer: 5 }, 'BAD_LAYER'],
    ['zonesAt', { lat: 1, lon: 1, points: [] }, 'BAD_REQUEST'],
    ['zonesAt', { points: 5 }, 'BAD_REQUEST'],
    ['zonesAt', { points: [[1, 2, 3]] }, 'BAD_REQUEST'],
    ['zonesAt', { points: [[91, 2]] }, 'BAD_LAT'],
    ['zonesAt', { points: [[1, '2']] }, 'BAD_LON'],
    ['zonesAt', { points: Array.from({ length: 10_001 }, () => [1, 2]) }, 'TOO_LARGE'],
    ['zonesAt', { lat: 1, lon: 1, k: 1 }, 'BAD_REQUEST'],
    ['dance', {}, 'BAD_REQUEST'],
    [undefined, {}, 'BAD_REQUEST'],
    [7, {}, 'BAD_REQUEST'],
    ['constructor', {}, 'BAD_REQUEST'],
  ])('refuses %s %j with %s', (op, fields, code) => {
    expect(refusalOf(() => readRequest(op, fields, undefined)).code).toBe(code);
  });

  test('take ids of 128 bytes', () => {
    const id = 'é'.repeat(64);
    expect(readRequest('driver', { id }, undefined)).toEqual({ op: 'driver', id });
  });

  test('let supply be of the whole world', () => {
    expect(readRequest('supply', {}, undefined)).toEqual({
      op: 'supply',
      query: { resolution: 8, bbox: { west: -180, south: -90, east: 180, north: 90 }, tags: [] },
    });
  });
});
