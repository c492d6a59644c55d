// Zones of a running server: uploads and their refusals, editors that race, lookups while layers change, with every way of serving.

import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadNative } from '../../src/drivers/native.ts';
import { type Answer, type BootedServer, bootServer, RawClient } from '../support/booted-server.ts';
import { readShared, reportMissingData } from '../support/shared-data.ts';

const native = loadNative();
if (!native.ok) console.warn(`SKIPPED with the native engine, which cannot be loaded: ${native.reason}`);

const WAYS: readonly (readonly [string, readonly string[]])[] = [
  ['the portable engine', ['--engine', 'portable']],
  ...(native.ok
    ? ([
        ['the native engine in one thread', ['--engine', 'native']],
        ['the native engine in two threads', ['--engine', 'native', '--threads', '2']],
      ] as const)
    : []),
];

const fixture = (name: string): string =>
  readFileSync(new URL(`../../fixtures/zones/${name}`, import.meta.url), 'utf8');
const DISTRICTS = fixture('districts.geojson');
const FAULTS = fixture('faults.geojson');

const box = (west: number, south: number, east: number, north: number): number[][] => [
  [west, south],
  [east, south],
  [east, north],
  [west, north],
  [west, south],
];

const layerOf = (...features: object[]): string => JSON.stringify({ type: 'FeatureCollection', features });

const square = (id: string, west: number, properties: object = {}): object => ({
  type: 'Feature',
  id,
  properties,
  geometry: { type: 'Polygon', coordinates: [box(west, 0, west + 1, 1)] },
});

interface Reply {
  readonly status: number;
  readonly etag: string | null;
  readonly body: Record<string, unknown> & {
    error?: { code: string; faults?: { code: string; feature?: number }[]; more?: number };
  };
}

const ids = (answer: Answer): string[] => (answer['drivers'] as { id: string }[]).map(({ id }) => id);

const zone = (id: string, properties: object = {}) => ({ layer: 'ws', id, properties });

class Api {
  readonly url: string;

  constructor({ url }: BootedServer) {
    this.url = url;
  }

  async call(method: string, path: string, body?: string, headers: Record<string, string> = {}): Promise<Reply> {
    const response = await fetch(this.url + path, { method, headers, ...(body === undefined ? {} : { body }) });
    return {
      status: response.status,
      etag: response.headers.get('etag'),
      body: (await response.json()) as Reply['body'],
    };
  }

  put(layer: string, body: string, query = '', headers: Record<string, string> = {}): Promise<Reply> {
    const type = { 'content-type': 'application/geo+json', connection: 'close' };
    return this.call('PUT', `/v1/zones/${layer}${query}`, body, { ...type, ...headers });
  }

  get(path: string): Promise<Reply> {
    return this.call('GET', path);
  }

  async idsAt(lat: number, lon: number, layer = ''): Promise<string[]> {
    const { body } = await this.get(`/v1/zones/at?lat=${lat}&lon=${lon}${layer === '' ? '' : `&layer=${layer}`}`);
    return (body['zones'] as { id: string }[]).map(({ id }) => id);
  }
}

describe.each(WAYS)('zones on a server with %s', (_name, flags) => {
  let server: BootedServer;
  let api: Api;

  beforeAll(async () => {
    server = await bootServer(...flags, '--zones-bytes-max', '2000000');
    api = new Api(server);
  });

  afterAll(async () => {
    expect(await server.stop()).toBe(0);
  });

  test('are put, listed, looked up, fetched and deleted', async () => {
    const before = (await api.get('/v1/zones')).body['version'] as number;
    const put = await api.put('districts', DISTRICTS);
    expect(put).toMatchObject({
      status: 200,
      body: { layer: 'districts', version: before + 1, zones: 51, vertices: 273, buildMs: expect.any(Number) },
    });
    expect(await api.get('/v1/zones')).toMatchObject({
      body: { version: before + 1, layers: [{ layer: 'districts', etag: put.etag, zones: 51, vertices: 273 }] },
    });
    expect(await api.get('/v1/zones/at?lat=64.075&lon=-21.95')).toMatchObject({
      status: 200,
      body: {
        version: before + 1,
        zones: [
          { layer: 'districts', id: 'centre', properties: { name: 'Centre', priority: 1 } },
          { layer: 'districts', id: 'd2-2', properties: { name: 'District 2-2' } },
        ],
      },
    });
    expect(await api.idsAt(-16.2, 180)).toEqual(['islands']);
    expect(await api.idsAt(90, 12)).toEqual(['arctic']);
    expect(await api.idsAt(64.075, -21.95, 'nothing')).toEqual([]);
    const got = await api.get('/v1/zones/districts');
    expect(got.etag).toBe(put.etag);
    // What was got can be put, and changes nothing.
    const again = await api.put('districts', JSON.stringify(got.body), '?dryRun=1');
    expect(again.body).toMatchObject({ version: before + 1, added: [], removed: [], changed: [] });
    expect(await api.call('DELETE', '/v1/zones/districts')).toMatchObject({
      status: 200,
      body: { layer: 'districts', version: before + 2 },
    });
    expect((await api.get('/v1/zones/districts')).body.error?.code).toBe('UNKNOWN_LAYER');
    expect(await api.idsAt(64.075, -21.95)).toEqual([]);
  });

  test('are looked up in both encodings of the WebSocket, for a point and for points', async () => {
    await api.put('ws', layerOf(square('a', 0), square('b', 1, { name: 'é' })));
    const client = await RawClient.connect(server);
    for (const encoding of ['msgpack', 'json'] as const) {
      const one = await client.ask({ op: 'zonesAt', ref: 'r', lat: 0.5, lon: 0.5, layer: 'ws' }, encoding);
      expect(one).toEqual({ ref: 'r', version: expect.any(Number), zones: [zone('a')] });
      // On the edge that both share.
      const edge = await client.ask({ lon: 1, lat: 0.5, op: 'zonesAt', layer: 'ws' }, encoding);
      expect(edge['zones']).toEqual([zone('a'), zone('b', { name: 'é' })]);
      const points = [
        [0.5, 0.5],
        [5, 5],
        [0.5, 1.5],
      ];
      const many = await client.ask({ op: 'zonesAt', ref: 7, points, layer: 'ws' }, encoding);
      expect(many).toEqual({
        ref: 7,
        version: one['version'],
        results: [{ zones: [zone('a')] }, { zones: [] }, { zones: [zone('b', { name: 'é' })] }],
      });
      expect((await client.ask({ op: 'zonesAt', points: [] }, encoding))['results']).toEqual([]);
      const bad = await client.ask({ op: 'zonesAt', ref: 1, lat: 91, lon: 0 }, encoding);
      expect(bad).toMatchObject({ ref: 1, error: { code: 'BAD_LAT', field: 'lat' } });
    }
    client.close();
    const body = JSON.stringify({ points: [[0.5, 0.5]], layer: 'ws' });
    expect((await api.call('POST', '/v1/zones/at', body, { 'content-type': 'application/json' })).body).toMatchObject({
      results: [{ zones: [zone('a')] }],
    });
  });

  test('with faults are refused with all of them, and nothing changes', async () => {
    await api.put('kept', layerOf(square('k', 20)));
    const { version } = (await api.get('/v1/zones')).body;
    const { status, body } = await api.put('kept', FAULTS);
    expect([status, body.error?.code, body.error?.more]).toEqual([422, 'BAD_ZONES', 0]);
    expect(body.error?.faults?.map(({ code, feature }) => [feature, code])).toEqual([
      [0, 'NOT_CLOSED'],
      [1, 'TOO_FEW_POSITIONS'],
      [2, 'SELF_CROSSING'],
      [3, 'HOLE_OUTSIDE'],
      [4, 'BAD_POSITION'],
      [5, 'NO_ID'],
      [6, 'DUPLICATE_ID'],
      [7, 'BAD_GEOMETRY'],
      [8, 'BAD_PRIORITY'],
      [9, 'BAD_PROPERTIES'],
    ]);
    expect((await api.get('/v1/zones')).body['version']).toBe(version);
    expect(await api.idsAt(0.5, 20.5)).toEqual(['k']);
  });

  test('are repaired when that is asked for, and it is said how', async () => {
    const open = { type: 'Feature', geometry: { type: 'Polygon', coordinates: [box(30, 0, 31, 1).slice(0, 4)] } };
    const body = layerOf({ ...open, properties: { code: 7 } });
    expect(await api.put('open', body, '?repair=1&idProperty=code')).toMatchObject({
      status: 200,
      body: { repaired: [{ feature: 0, code: 'CLOSED_RING' }] },
    });
    expect(await api.idsAt(0.5, 30.5)).toEqual(['7']);
  });

  test('of a dry run change nothing, and it is said what would', async () => {
    await api.put('dry', layerOf(square('same', 40), square('moved', 41), square('gone', 42)));
    const { version } = (await api.get('/v1/zones')).body;
    const { status, body } = await api.put(
      'dry',
      layerOf(square('same', 40), square('moved', 45), square('new', 46)),
      '?dryRun=1',
    );
    expect([status, body]).toMatchObject([200, { added: ['new'], removed: ['gone'], changed: ['moved'], version }]);
    expect(body).not.toHaveProperty('buildMs');
    expect(await api.idsAt(0.5, 41.5)).toEqual(['moved']);
  });

  test('let one of two editors win who both read the same version', async () => {
    const first = await api.put('raced', layerOf(square('z', 50)));
    const headers = { 'if-match': first.etag as string };
    const edits = await Promise.all(
      Array.from({ length: 8 }, (_, i) => api.put('raced', layerOf(square(`z${i}`, 50)), '', headers)),
    );
    const statuses = edits.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array(7).fill(412)]);
    const winner = edits.findIndex(({ status }) => status === 200);
    expect(await api.idsAt(0.5, 50.5)).toEqual([`z${winner}`]);
    expect(edits.find(({ status }) => status === 412)?.body.error?.code).toBe('VERSION_CONFLICT');
    expect((await api.call('DELETE', '/v1/zones/raced', undefined, headers)).status).toBe(412);
  });

  test('keep searches of drivers to themselves', async () => {
    await api.put('fleet', layerOf(square('a/b', 60)));
    const client = await RawClient.connect(server);
    await client.ask({
      op: 'locations',
      batch: [
        ['in', 0.5, 60.5],
        ['edge', 1, 60.2],
        ['out', 1.001, 60.5],
      ],
    });
    const here = { lat: 1, lon: 60.5, radius: 1_000_000 };
    expect(ids(await client.ask({ op: 'nearest', ...here, zone: 'fleet/a/b' }))).toEqual(['edge', 'in']);
    expect(ids(await client.ask({ op: 'within', zone: 'fleet/a/b' }))).toEqual(['edge', 'in']);
    expect(ids(await client.ask({ op: 'within', bbox: [60.4, 0, 61, 2], zone: 'fleet/a/b' }))).toEqual(['in']);
    expect((await client.ask({ op: 'within', zone: 'fleet/c' })).error?.code).toBe('UNKNOWN_ZONE');
    const { body } = await api.get('/v1/nearest?lat=1&lon=60.5&radius=100000&zone=fleet/a/b');
    expect(ids(body as Answer)).toEqual(['edge', 'in']);
    client.close();
  });

  test.each([
    ['no JSON', '{"type":', 400, 'BAD_JSON'],
    ['empty', '', 400, 'BAD_JSON'],
    ['nested deeper than any zone', `${'['.repeat(200_000)}${']'.repeat(200_000)}`, 400, 'BAD_JSON'],
    ['no collection', '[]', 422, 'BAD_ZONES'],
    ['too large', ' '.repeat(2_000_001), 413, 'TOO_LARGE'],
  ])('that are %s are refused', async (_what, body, status, code) => {
    const reply = await api.put('bad', body);
    expect([reply.status, reply.body.error?.code]).toEqual([status, code]);
  });

  test('that stop in the middle of their upload leave nothing behind', async () => {
    const aborted = async (): Promise<string | undefined> =>
      /^raziel_http_aborted_total (\d+)/m.exec(await (await fetch(`${server.url}/metrics`)).text())?.[1];
    const before = Number(await aborted());
    const upload = httpRequest(`${server.url}/v1/zones/cut`, {
      method: 'PUT',
      headers: { 'content-length': '1000000' },
    });
    upload.on('error', () => {});
    upload.write(' '.repeat(500_000), () => upload.destroy());
    await expect.poll(aborted, { timeout: 10_000 }).toBe(String(before + 1));
    expect((await api.get('/v1/zones/cut')).status).toBe(404);
    // Its room was given back: as many more fit as ever.
    for (let i = 0; i < 3; i++) expect((await api.put('cut', `${' '.repeat(1_900_000)}{`)).status).toBe(400);
  });

  test('are counted in the metrics, and logged by stage', async () => {
    await api.put('counted', layerOf(square('c', 70)));
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const { version } = (await api.get('/v1/zones')).body;
    expect(text).toContain(`raziel_zones_version ${version}`);
    expect(text).toMatch(/^raziel_zones_uploads_total\{outcome="published"\} [1-9]/m);
    expect(text).toMatch(/^raziel_zones_build_seconds_total\{stage="check"\} 0?\.?\d/m);
    expect(text).toContain('raziel_zones_uploads_under_way 0');
    await expect.poll(server.log).toMatch(/upload of layer \\"counted\\": publish done in/);
  });

  test('answer every lookup from one whole version while uploads are refused and taken', {
    timeout: 60_000,
  }, async () => {
    // In version n of the layer every point is in the zone `n`, twice over, and nowhere else.
    const COPIES = 40;
    const POINTS = Array.from({ length: COPIES }, (_, i) => [0.5, 100.5 + i]);
    const layer = (name: string): string =>
      layerOf(...Array.from({ length: COPIES }, (_, i) => square(`${name}-${i}`, 100 + i, { name })));
    const nameOfVersion = new Map<number, string>();
    const publish = async (name: string): Promise<void> => {
      const { body } = await api.put('swapped', layer(name));
      nameOfVersion.set(body['version'] as number, name);
    };
    await publish('first');
    const clients = await Promise.all(Array.from({ length: 4 }, () => RawClient.connect(server)));
    const loading = new AbortController();
    const load = clients.map(async (client) => {
      for (let sent = 0; !loading.signal.aborted; ) {
        for (let i = 0; i < 40; i++) {
          const [lat, lon] = POINTS[i % COPIES] as [number, number];
          client.sendPacked({ op: 'zonesAt', lat, lon, layer: 'swapped', ref: i });
        }
        client.sendPacked({ op: 'zonesAt', points: POINTS, layer: 'swapped' });
        sent += 41;
        await client.until(sent);
      }
    });
    const answersOf = (): Answer[] => clients.flatMap(({ answers }) => answers);

    // Refusals change nothing at all.
    for (let i = 0; i < 4; i++) expect((await api.put('swapped', FAULTS)).status).toBe(422);
    expect(new Set(answersOf().map(({ version }) => version)).size).toBe(1);
    for (let i = 0; i < 20; i++) {
      await publish(`version ${i}`);
      if (i % 5 === 0) await api.put('swapped', '{');
    }
    loading.abort();
    await Promise.all(load);

    const answers = answersOf();
    const seen = new Set<unknown>();
    for (const answer of answers) {
      const name = nameOfVersion.get(answer['version'] as number);
      seen.add(name);
      const results = (answer['results'] ?? [{ zones: answer['zones'] }]) as { zones: { properties: object }[] }[];
      expect(results.length).toBe(answer['results'] === undefined ? 1 : COPIES);
      for (const { zones } of results) expect(zones.map(({ properties }) => properties)).toEqual([{ name }]);
    }
    expect(seen).not.toContain(undefined);
    expect(seen.size).toBeGreaterThan(2);
    for (const client of clients) {
      const versions = client.answers.map(({ version }) => version as number);
      expect(versions).toEqual([...versions].sort((a, b) => a - b));
      client.close();
    }
  });
});

const COUNTIES = 'zones/us_counties/us_counties_10m.geojson.gz';
const counties = readShared(COUNTIES);

describe('the counties of the United States on a server', () => {
  reportMissingData(COUNTIES);

  test.skipIf(counties === undefined)(
    'are refused for five that cross themselves and one stray hole, and taken with repair',
    { timeout: 60_000 },
    async () => {
      const server = await bootServer();
      const api = new Api(server);
      const refused = await api.put('counties', counties as string);
      expect(refused.status).toBe(422);
      const faults = refused.body.error?.faults ?? [];
      const features = (code: string): number =>
        new Set(faults.filter((fault) => fault.code === code).map(({ feature }) => feature)).size;
      expect([features('SELF_CROSSING'), features('HOLE_OUTSIDE')]).toEqual([5, 1]);
      const taken = await api.put('counties', counties as string, '?repair=1');
      expect(taken).toMatchObject({ status: 200, body: { zones: 3231 } });
      expect((taken.body['repaired'] as unknown[]).length).toBeGreaterThanOrEqual(6);
      expect(await api.idsAt(34.05, -118.25)).toHaveLength(1);
      expect(await server.stop()).toBe(0);
    },
  );
});
