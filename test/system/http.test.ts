// HTTP as clients see it: every endpoint, and a table of what is refused.

import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { pack } from 'msgpackr';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BootedServer, bootServer, unpack } from '../support/booted-server.ts';

let server: BootedServer;

beforeAll(async () => {
  server = await bootServer('--log-level', 'warn');
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

const JSON_TYPE = { 'content-type': 'application/json' };
const PACKED_TYPE = { 'content-type': 'application/msgpack' };

async function get(path: string, headers: Record<string, string> = {}) {
  const response = await fetch(server.url + path, { headers });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function post(path: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = JSON_TYPE) {
  const response = await fetch(server.url + path, { method: 'POST', headers, body });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const search = async (body: object) => (await post('/v1/search', JSON.stringify(body))).body;

const ids = (body: Record<string, unknown>): string[] => (body['drivers'] as { id: string }[]).map(({ id }) => id);

describe('POST /v1/locations', () => {
  test('takes one fix, and finds it', async () => {
    const fix = { id: 'one:1', lat: 10, lon: 10, heading: 90, speed: 3.5, tags: ['free'], ttl: 30 };
    expect(await post('/v1/locations', JSON.stringify(fix))).toEqual({
      status: 200,
      body: { accepted: 1, stale: 0, duplicate: 0, rejected: [] },
    });
    const { body } = await get('/v1/nearest?lat=10&lon=10&k=1');
    expect(body).toMatchObject({
      drivers: [{ id: 'one:1', lat: 10, lon: 10, distance: 0, heading: 90, speed: 3.5, tags: ['free'] }],
    });
    expect((await get('/v1/drivers/one%3A1')).body).toMatchObject({ ...fix, age: expect.any(Number) });
  });

  test('rejects fixes by index and applies the others', async () => {
    const batch = [
      { id: 'mix1', lat: 11, lon: 11 },
      { id: 'mix2', lat: 91, lon: 11 },
      7,
      ['mix3', '11', 11],
      ['mix4', 11, 11.0001],
    ];
    const { status, body } = await post('/v1/locations', JSON.stringify(batch));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      accepted: 2,
      rejected: [
        { index: 1, code: 'BAD_LAT' },
        { index: 2, code: 'BAD_FIX' },
        { index: 3, code: 'BAD_LAT' },
      ],
    });
    expect(ids((await get('/v1/nearest?lat=11&lon=11')).body)).toEqual(['mix1', 'mix4']);
  });

  test('takes MessagePack, and answers it to those who accept it', async () => {
    const response = await fetch(`${server.url}/v1/locations`, {
      method: 'POST',
      headers: { ...PACKED_TYPE, accept: 'application/msgpack' },
      body: pack([['packed', 12, 12]]),
    });
    expect(response.headers.get('content-type')).toBe('application/msgpack');
    expect(unpack(new Uint8Array(await response.arrayBuffer()))).toEqual({
      accepted: 1,
      stale: 0,
      duplicate: 0,
      rejected: [],
    });
  });

  test('takes one fix a line, skipping blank lines and rejecting broken ones by index', async () => {
    const lines = '\n{"id":"line1","lat":13,"lon":13}\n\n{"id":"li\n["line2",13,13.001]\n';
    const { status, body } = await post('/v1/locations', lines, {
      'content-type': 'application/x-ndjson; charset=utf-8',
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      accepted: 2,
      rejected: [{ index: 1, code: 'BAD_FIX', message: expect.stringContaining('JSON') }],
    });
  });

  test('takes a time in ISO 8601', async () => {
    const time = new Date(Date.now() - 1000).toISOString();
    await post('/v1/locations', JSON.stringify({ id: 'iso', lat: 1, lon: 1, time }));
    expect((await get('/v1/drivers/iso')).body).toMatchObject({ time: Date.parse(time) });
  });

  test('answers 200 when every fix was rejected', async () => {
    expect(await post('/v1/locations', '[{}]')).toMatchObject({
      status: 200,
      body: { accepted: 0, rejected: [{ index: 0 }] },
    });
  });
});

describe('searches', () => {
  beforeAll(async () => {
    const rows = [
      ['s1', 20, 20, null, null, null, null, ['free', 'xl']],
      ['s2', 20, 20.001, null, null, null, null, ['free']],
      ['s3', 20, 20.002],
    ];
    await post('/v1/locations', JSON.stringify(rows));
  });

  test('filter by tags', async () => {
    expect(ids((await get('/v1/nearest?lat=20&lon=20&tags=free')).body)).toEqual(['s1', 's2']);
    expect(ids((await get('/v1/nearest?lat=20&lon=20&tags=free,xl')).body)).toEqual(['s1']);
    expect(ids((await get('/v1/nearest?lat=20&lon=20&notTags=xl')).body)).toEqual(['s2', 's3']);
    expect(ids((await get('/v1/nearest?lat=20&lon=20&anyTags=xl,none')).body)).toEqual(['s1']);
  });

  test('explain themselves when asked', async () => {
    const { body } = await get('/v1/nearest?lat=20&lon=20&notTags=xl&explain=1');
    expect(body['explain']).toMatchObject({
      cells: expect.any(Number),
      candidates: expect.any(Number),
      rejected: { notTags: 1 },
    });
  });

  test('within a box, a circle and a polygon', async () => {
    const ring = [
      [19.9995, 19.9],
      [20.0015, 19.9],
      [20.0015, 20.1],
      [19.9995, 20.1],
      [19.9995, 19.9],
    ];
    expect(ids(await search({ within: { bbox: [19.9, 19.9, 20.1, 20.1] } }))).toEqual(['s1', 's2', 's3']);
    expect(ids(await search({ within: { geometry: { type: 'Polygon', coordinates: [ring] } } }))).toEqual(['s1', 's2']);
    const circle = await search({ within: { circle: { lat: 20, lon: 20.002, radius: 150 } } });
    expect(ids(circle)).toEqual(['s3', 's2']);
    expect(circle).toMatchObject({ drivers: [{ distance: 0 }, { distance: expect.any(Number) }] });
    expect(await search({ within: { bbox: [19.9, 19.9, 20.1, 20.1] }, limit: 2 })).toMatchObject({ more: true });
    expect(await search({ nearest: { lat: 20, lon: 20, k: 1 } })).toMatchObject({ drivers: [{ id: 's1' }] });
  });

  test('are answered several at once, in order', async () => {
    const searches = [{ nearest: { lat: 20, lon: 20, k: 1 } }, { within: { bbox: [20.0005, 19, 21, 21] } }];
    const { body } = await post('/v1/multisearch', JSON.stringify({ searches }));
    expect((body['results'] as Record<string, unknown>[]).map(ids)).toEqual([['s1'], ['s2', 's3']]);
  });

  test('take MessagePack bodies', async () => {
    const { body } = await post(
      '/v1/search',
      Uint8Array.from(pack({ nearest: { lat: 20, lon: 20, k: 1 } })),
      PACKED_TYPE,
    );
    expect(ids(body)).toEqual(['s1']);
  });
});

describe('drivers', () => {
  test('are forgotten by DELETE', async () => {
    await post('/v1/locations', '{"id":"gone/ü","lat":30,"lon":30}');
    const path = `/v1/drivers/${encodeURIComponent('gone/ü')}`;
    const first = await fetch(server.url + path, { method: 'DELETE' });
    expect(first.status).toBe(204);
    expect(await first.text()).toBe('');
    expect(await get(path)).toMatchObject({ status: 404, body: { error: { code: 'UNKNOWN_DRIVER' } } });
    const again = await fetch(server.url + path, { method: 'DELETE' });
    expect(again.status).toBe(404);
  });
});

describe('supply', () => {
  test('counts drivers by cell and tag', async () => {
    const rows = [
      ['u1', 40, 40, null, null, null, null, ['free']],
      ['u2', 40, 40, null, null, null, null, ['free', 'xl']],
      ['u3', 40, 41],
    ];
    await post('/v1/locations', JSON.stringify(rows));
    const { body } = await get('/v1/supply?resolution=5&bbox=39,39,42,42');
    expect(body['resolution']).toBe(5);
    const cells = body['cells'] as { cell: string; count: number; tags: object }[];
    expect(cells.map(({ count, tags }) => ({ count, tags })).sort((a, b) => b.count - a.count)).toEqual([
      { count: 2, tags: { free: 2, xl: 1 } },
      { count: 1, tags: {} },
    ]);
    expect(cells.map(({ cell }) => cell)).toEqual(cells.map(({ cell }) => cell).sort());
    const tagged = await get('/v1/supply?resolution=5&bbox=39,39,42,42&tags=free,xl');
    expect(tagged.body['cells']).toMatchObject([{ count: 1 }]);
  });
});

describe('operators', () => {
  test('learn that the server is alive and ready', async () => {
    expect(await get('/healthz')).toEqual({ status: 200, body: { status: 'ok' } });
    expect(await get('/readyz')).toEqual({ status: 200, body: { status: 'ready', storage: 'memory' } });
  });

  test('scrape metrics', async () => {
    const response = await fetch(`${server.url}/metrics`);
    expect(response.headers.get('content-type')).toContain('text/plain');
    const text = await response.text();
    expect(text).toMatch(/^raziel_fixes_total\{outcome="accepted"\} [1-9]/m);
    expect(text).toMatch(/^raziel_request_duration_seconds_bucket\{op="nearest",le="\+Inf"\} [1-9]/m);
    expect(text).toMatch(/^raziel_drivers [1-9]/m);
    expect(text).toMatch(/^process_resident_memory_bytes [1-9]/m);
  });

  test('see a search counted by what it asks for', async () => {
    const counted = async (op: string): Promise<number> => {
      const text = await (await fetch(`${server.url}/metrics`)).text();
      return Number(new RegExp(`^raziel_requests_total\\{op="${op}",transport="http"\\} (\\d+)`, 'm').exec(text)?.[1]);
    };
    const before = { nearest: await counted('nearest'), within: await counted('within') };
    await search({ nearest: { lat: 1, lon: 1 } });
    await search({ nearest: { lat: 1, lon: 1 } });
    await search({ within: { bbox: [0, 0, 1, 1] } });
    expect(await counted('nearest')).toBe(before.nearest + 2);
    expect(await counted('within')).toBe(before.within + 1);
  });

  test('read a description of the API whose references all lead somewhere', async () => {
    const { body } = await get('/openapi.json');
    expect(body['openapi']).toBe('3.1.0');
    expect(Object.keys(body['paths'] as object)).toEqual(
      expect.arrayContaining([
        '/v1/locations',
        '/v1/nearest',
        '/v1/search',
        '/v1/multisearch',
        '/v1/drivers/{id}',
        '/v1/supply',
      ]),
    );
    const schemas = (body['components'] as { schemas: Record<string, unknown> }).schemas;
    const references = [...JSON.stringify(body).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(
      ([, name]) => name as string,
    );
    expect(references.length).toBeGreaterThan(20);
    for (const name of references) expect(schemas).toHaveProperty(name);
  });
});

describe('HEAD', () => {
  test('answers as GET does, without a body', async () => {
    const response = await fetch(`${server.url}/v1/nearest?lat=1&lon=1`, { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(Number(response.headers.get('content-length'))).toBeGreaterThan(0);
    expect(await response.text()).toBe('');
  });
});

describe('what is refused', () => {
  const deep = Buffer.alloc(500_000, 0x91);
  test.each<[string, string, string | Uint8Array<ArrayBuffer> | undefined, Record<string, string>, number, string]>([
    ['GET', '/v1/nearest?lat=x&lon=1', undefined, {}, 400, 'BAD_LAT'],
    ['GET', '/v1/nearest?lon=1', undefined, {}, 400, 'BAD_LAT'],
    ['GET', '/v1/nearest?lat=1&lon=1&zone=a/b', undefined, {}, 404, 'UNKNOWN_ZONE'],
    ['GET', '/v1/nearest?lat=1&lon=1&notClaimed=true', undefined, {}, 501, 'NOT_SUPPORTED'],
    ['GET', '/v1/supply?resolution=99', undefined, {}, 400, 'BAD_RESOLUTION'],
    ['GET', '/v1/drivers/%ff', undefined, {}, 400, 'BAD_ID'],
    ['GET', '/v1/drivers/', undefined, {}, 400, 'BAD_ID'],
    ['GET', `/v1/drivers/${'x'.repeat(129)}`, undefined, {}, 400, 'BAD_ID'],
    ['GET', '/v1/drivers/nobody', undefined, {}, 404, 'UNKNOWN_DRIVER'],
    ['GET', '/v1/drivers/a/b', undefined, {}, 404, 'NOT_FOUND'],
    ['GET', '/nowhere', undefined, {}, 404, 'NOT_FOUND'],
    ['GET', '/v1/ws', undefined, {}, 400, 'BAD_REQUEST'],
    ['PATCH', '/v1/nearest', undefined, {}, 405, 'METHOD_NOT_ALLOWED'],
    ['GET', '/v1/locations', undefined, {}, 405, 'METHOD_NOT_ALLOWED'],
    ['PUT', '/v1/zones/a', '{}', JSON_TYPE, 422, 'BAD_ZONES'],
    ['PUT', '/v1/zones/a', '{', JSON_TYPE, 400, 'BAD_JSON'],
    ['PUT', '/v1/zones/A', '{}', JSON_TYPE, 400, 'BAD_LAYER'],
    ['PUT', '/v1/zones/at', '{}', JSON_TYPE, 400, 'BAD_LAYER'],
    ['PUT', '/v1/zones/a?dryrun=1', '{}', JSON_TYPE, 400, 'BAD_REQUEST'],
    ['PUT', '/v1/zones/a', '{}', PACKED_TYPE, 415, 'UNSUPPORTED_TYPE'],
    ['POST', '/v1/zones/a', '{}', JSON_TYPE, 405, 'METHOD_NOT_ALLOWED'],
    ['GET', '/v1/zones/a', undefined, {}, 404, 'UNKNOWN_LAYER'],
    ['DELETE', '/v1/zones/a', undefined, {}, 404, 'UNKNOWN_LAYER'],
    ['GET', '/v1/zones/at?lat=1', undefined, {}, 400, 'BAD_LON'],
    ['POST', '/v1/zones/at', '[]', JSON_TYPE, 400, 'BAD_REQUEST'],
    ['GET', '/v1/ids?n=0', undefined, {}, 400, 'BAD_N'],
    ['GET', '/v1/ids?n=10001', undefined, {}, 400, 'BAD_N'],
    ['GET', '/v1/ids?n=1.5', undefined, {}, 400, 'BAD_N'],
    ['GET', '/v1/ids?count=1', undefined, {}, 400, 'BAD_REQUEST'],
    ['POST', '/v1/ids', '{}', JSON_TYPE, 405, 'METHOD_NOT_ALLOWED'],
    ['GET', '/ingest/osmand', undefined, {}, 501, 'NOT_SUPPORTED'],
    ['POST', '/ingest/osmand', 'id=1', {}, 501, 'NOT_SUPPORTED'],
    ['POST', '/v1/locations', '{"id":', JSON_TYPE, 400, 'BAD_JSON'],
    ['POST', '/v1/locations', '', JSON_TYPE, 400, 'BAD_JSON'],
    ['POST', '/v1/locations', Uint8Array.of(0x22, 0xff, 0x22), JSON_TYPE, 400, 'BAD_JSON'],
    ['POST', '/v1/locations', '7', JSON_TYPE, 400, 'BAD_REQUEST'],
    ['POST', '/v1/locations', Uint8Array.of(0x92, 0x01), PACKED_TYPE, 400, 'BAD_MSGPACK'],
    ['POST', '/v1/locations', Uint8Array.of(0xdd, 255, 255, 255, 255), PACKED_TYPE, 400, 'BAD_MSGPACK'],
    ['POST', '/v1/locations', deep, PACKED_TYPE, 400, 'BAD_MSGPACK'],
    ['POST', '/v1/locations', '[]', { 'content-type': 'text/plain' }, 415, 'UNSUPPORTED_TYPE'],
    ['POST', '/v1/locations', '[]', { 'content-type': 'application/json; charset=latin1' }, 415, 'UNSUPPORTED_TYPE'],
    ['POST', '/v1/locations', '[]', { ...JSON_TYPE, 'content-encoding': 'gzip' }, 415, 'UNSUPPORTED_TYPE'],
    ['POST', '/v1/locations', JSON.stringify(Array(10_001).fill(0)), JSON_TYPE, 413, 'TOO_LARGE'],
    ['POST', '/v1/locations', Buffer.alloc(1024 * 1024 + 1, 0x20), JSON_TYPE, 413, 'TOO_LARGE'],
    ['POST', '/v1/search', '{"nearest":{"lat":1,"lon":"1"}}', JSON_TYPE, 400, 'BAD_LON'],
    ['POST', '/v1/search', '{"nearest":{"lat":1,"lon":1e999}}', JSON_TYPE, 400, 'BAD_LON'],
    [
      'POST',
      '/v1/search',
      '{"within":{"geometry":{"type":"Polygon","coordinates":[[[0,0],[1,1],[0,0]]]}}}',
      JSON_TYPE,
      400,
      'BAD_GEOMETRY',
    ],
    ['POST', '/v1/search', '{"within":{"zone":"a/b"}}', JSON_TYPE, 404, 'UNKNOWN_ZONE'],
    ['POST', '/v1/search', '[]', JSON_TYPE, 400, 'BAD_REQUEST'],
    ['POST', '/v1/search', '{}', { 'content-type': 'application/x-ndjson' }, 415, 'UNSUPPORTED_TYPE'],
    ['POST', '/v1/search', Uint8Array.of(0x81, 0xa1, 0x61, 0xd4, 0x78, 0x00), PACKED_TYPE, 400, 'BAD_REQUEST'],
    ['POST', '/v1/multisearch', '{"searches":[]}', JSON_TYPE, 400, 'BAD_REQUEST'],
  ])('%s %s is answered with its status and code', async (method, path, body, headers, status, code) => {
    const response = await fetch(server.url + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    const answer = (await response.json()) as { error: { code: string; message: string } };
    expect(answer.error).toMatchObject({ code, message: expect.any(String) });
    expect(response.status).toBe(status);
    if (status === 405) expect(response.headers.get('allow')).toBeTruthy();
  });

  test('names the index of a bad search in a multisearch', async () => {
    const searches = [{ nearest: { lat: 1, lon: 1 } }, { nearest: { lat: 1, lon: 1, k: 0 } }];
    const { body } = await post('/v1/multisearch', JSON.stringify({ searches }));
    expect(body['error']).toMatchObject({ code: 'BAD_K', field: 'k', index: 1 });
  });

  test('refuses a body that grows too large while it comes in chunks, and serves on', async () => {
    const request = httpRequest(`${server.url}/v1/locations`, { method: 'POST', headers: JSON_TYPE });
    const status = new Promise((resolve, reject) => {
      request.on('response', (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on('error', reject);
    });
    for (let i = 0; i < 20; i++) request.write(Buffer.alloc(64 * 1024, 0x20));
    expect(await status).toBe(413);
    request.destroy();
    expect((await get('/healthz')).status).toBe(200);
  });

  test('forgets an upload that its client aborts, and counts it', async () => {
    const count = async (): Promise<number> =>
      Number(/^raziel_http_aborted_total (\d+)/m.exec(await (await fetch(`${server.url}/metrics`)).text())?.[1]);
    const before = await count();
    const socket = connect(server.port, '127.0.0.1');
    socket.write(
      'POST /v1/locations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n[{"id":"half"',
    );
    // The server has read the head once it has read a later request on another connection.
    await new Promise((resolve) => socket.once('connect', resolve));
    await get('/healthz');
    socket.destroy();
    await expect.poll(count).toBe(before + 1);
    expect((await get('/v1/drivers/half')).status).toBe(404);
  });
});
