// WebSocket as clients see it: every op in both encodings, and a table of what is refused.

import { pack } from 'msgpackr';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type BootedServer, bootServer, RawClient } from '../support/booted-server.ts';

let server: BootedServer;
let client: RawClient;

beforeAll(async () => {
  server = await bootServer('--log-level', 'warn');
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

beforeEach(async () => {
  client = await RawClient.connect(server);
});

afterEach(() => client.close());

/** What is different at each time is made equal. */
const withoutTimes = (answer: unknown): unknown =>
  JSON.parse(JSON.stringify(answer), (key, value: unknown) =>
    ['age', 'tookMicros', 'micros', 'time'].includes(key) ? 0 : value,
  );

const ids = (answer: Record<string, unknown>): string[] => (answer['drivers'] as { id: string }[]).map(({ id }) => id);

describe.each(['msgpack', 'json'] as const)('ops in %s', (encoding) => {
  const at = encoding === 'json' ? 1 : 2;
  const ask = (request: object) => client.ask(request, encoding);

  test('answer in the encoding of the request, with its ref', async () => {
    expect(await ask({ op: 'ping', ref: 'a' })).toEqual({ ref: 'a', time: expect.any(Number) });
    expect(await ask({ op: 'ping', ref: 1.5 })).toEqual({ ref: 1.5, time: expect.any(Number) });
    expect(await ask({ op: 'ping' })).toEqual({ time: expect.any(Number) });
    expect(client.binary).toEqual([1, 2, 3].map(() => encoding === 'msgpack'));
  });

  test('post fixes and find them', async () => {
    const batch = [
      [`${encoding}1`, at, at, null, 45, 2.5, 4, ['free'], 30],
      { id: `${encoding}2`, lat: at, lon: at + 0.001 },
      { id: 'x', lat: 1 },
    ];
    expect(await ask({ op: 'locations', ref: 1, batch })).toMatchObject({
      ref: 1,
      accepted: 2,
      stale: 0,
      duplicate: 0,
      rejected: [{ index: 2, code: 'BAD_LON' }],
    });
    const nearest = await ask({ op: 'nearest', ref: 2, lat: at, lon: at, k: 5, radius: 1000 });
    expect(nearest).toMatchObject({
      ref: 2,
      drivers: [{ id: `${encoding}1`, heading: 45, speed: 2.5, tags: ['free'], distance: 0 }, { id: `${encoding}2` }],
    });
    expect(ids(await ask({ op: 'nearest', lat: at, lon: at, tags: ['free'] }))).toEqual([`${encoding}1`]);
    expect(ids(await ask({ op: 'within', bbox: [at, at, at + 1, at + 1] }))).toEqual([`${encoding}1`, `${encoding}2`]);
    expect(await ask({ op: 'within', circle: { lat: at, lon: at, radius: 500 }, limit: 1 })).toMatchObject({
      more: true,
      drivers: [{ distance: 0 }],
    });
    const searches = [{ nearest: { lat: at, lon: at, k: 1 } }, { within: { bbox: [at, at, at + 1, at + 1] } }];
    expect(await ask({ op: 'multisearch', ref: 'm', searches })).toMatchObject({
      ref: 'm',
      results: [{ drivers: [{ id: `${encoding}1` }] }, { drivers: [{ id: `${encoding}1` }, { id: `${encoding}2` }] }],
    });
    expect(await ask({ op: 'driver', ref: 3, id: `${encoding}1` })).toMatchObject({
      ref: 3,
      id: `${encoding}1`,
      lat: at,
      accuracy: 4,
      ttl: 30,
    });
    expect(await ask({ op: 'supply', ref: 4, resolution: 0, bbox: [at, at, at, at] })).toMatchObject({
      ref: 4,
      resolution: 0,
      cells: [{ count: 1, tags: { free: 1 } }],
    });
    expect(await ask({ op: 'remove', ref: 5, id: `${encoding}1` })).toEqual({ ref: 5, removed: true });
    expect(await ask({ op: 'remove', ref: 6, id: `${encoding}1` })).toEqual({ ref: 6, removed: false });
    expect(await ask({ op: 'driver', id: `${encoding}1` })).toMatchObject({ error: { code: 'UNKNOWN_DRIVER' } });
  });

  test('with ack none answer only for rejected fixes', async () => {
    const send = (request: object) => (encoding === 'json' ? client.sendJson(request) : client.sendPacked(request));
    send({ op: 'locations', ref: 1, ack: 'none', batch: [[`none-${encoding}`, 50, 50]] });
    send({ op: 'locations', ref: 2, ack: 'none', batch: [['bad', 500, 50]] });
    send({ op: 'nearest', ref: 3, lat: 50, lon: 50 });
    const answers = await client.until(2);
    expect(answers.map(({ ref }) => ref)).toEqual([2, 3]);
    expect(answers[0]).toMatchObject({ accepted: 0, rejected: [{ index: 0, code: 'BAD_LAT' }] });
    expect(ids(answers[1] as Record<string, unknown>)).toContain(`none-${encoding}`);
  });

  test.each<[string, object | string | number | null, string, string | undefined]>([
    ['an unknown op', { op: 'dance' }, 'BAD_REQUEST', 'op'],
    ['no op', {}, 'BAD_REQUEST', 'op'],
    ['a list', [1, 2], 'BAD_REQUEST', undefined],
    ['a string', 'ping', 'BAD_REQUEST', undefined],
    ['null', null, 'BAD_REQUEST', undefined],
    ['a ref that is a list', { op: 'ping', ref: [1] }, 'BAD_REQUEST', 'ref'],
    ['no batch', { op: 'locations' }, 'BAD_REQUEST', 'batch'],
    ['a batch that is a map', { op: 'locations', batch: { id: 'a', lat: 1, lon: 1 } }, 'BAD_REQUEST', undefined],
    ['a batch that is too long', { op: 'locations', batch: Array(10_001).fill(0) }, 'TOO_LARGE', undefined],
    ['ack durable', { op: 'locations', batch: [], ack: 'durable' }, 'NOT_SUPPORTED', 'ack'],
    ['an unknown ack', { op: 'locations', batch: [], ack: 1 }, 'BAD_REQUEST', 'ack'],
    ['a numeric string', { op: 'nearest', lat: '1', lon: 1 }, 'BAD_LAT', 'lat'],
    ['a missing lon', { op: 'nearest', lat: 1 }, 'BAD_LON', 'lon'],
    ['a k of 0', { op: 'nearest', lat: 1, lon: 1, k: 0 }, 'BAD_K', 'k'],
    ['tags as text', { op: 'nearest', lat: 1, lon: 1, tags: 'free' }, 'BAD_TAGS', 'tags'],
    ['an unknown field', { op: 'nearest', lat: 1, lon: 1, raduis: 1 }, 'BAD_REQUEST', 'raduis'],
    ['a zone', { op: 'nearest', lat: 1, lon: 1, zone: 'a/b' }, 'UNKNOWN_ZONE', 'zone'],
    ['two areas', { op: 'within', bbox: [0, 0, 1, 1], circle: {} }, 'BAD_REQUEST', 'within'],
    [
      'an open ring',
      {
        op: 'within',
        geometry: {
          type: 'Polygon',
          coordinates: [
            [
              [0, 0],
              [1, 0],
              [1, 1],
              [2, 2],
            ],
          ],
        },
      },
      'BAD_GEOMETRY',
      'geometry',
    ],
    ['watch', { op: 'watch', lat: 1, lon: 1, everyMs: 100 }, 'NOT_SUPPORTED', 'op'],
    ['claim', { op: 'claim' }, 'NOT_SUPPORTED', 'op'],
  ])('refuse %s and go on', async (_, request, code, field) => {
    const answer = await ask(request as object);
    expect(answer.error).toMatchObject(field === undefined ? { code } : { code, field });
    expect(await ask({ op: 'ping', ref: 'still here' })).toMatchObject({ ref: 'still here' });
  });
});

describe('both encodings', () => {
  test('give equal answers', async () => {
    await client.ask({
      op: 'locations',
      batch: [
        ['eq1', 60, 60, null, 1, 2, 3, ['a', 'b']],
        ['eq2', 60, 60.001],
      ],
    });
    for (const request of [
      { op: 'nearest', ref: 'r', lat: 60, lon: 60, explain: true },
      { op: 'within', ref: 2, bbox: [59, 59, 61, 61] },
      { op: 'driver', id: 'eq1' },
      { op: 'supply', resolution: 4, bbox: [59, 59, 61, 61] },
      { op: 'multisearch', ref: -1, searches: [{ nearest: { lat: 60, lon: 60 } }] },
      { op: 'nearest', ref: 'r', lat: 600, lon: 60 },
    ]) {
      expect(withoutTimes(await client.ask(request, 'json'))).toEqual(
        withoutTimes(await client.ask(request, 'msgpack')),
      );
    }
  });
});

describe('what is broken', () => {
  test.each<[string, Uint8Array | string, number]>([
    ['text that is no JSON', '{"op":', 1007],
    ['empty text', '', 1007],
    ['bytes that are no MessagePack', Uint8Array.of(0xc1), 1007],
    ['bytes that end early', pack({ op: 'ping' }).subarray(0, 5), 1007],
    ['bytes that go on', Buffer.concat([pack({ op: 'ping' }), pack(1)]), 1007],
    ['bytes that nest too deep', Buffer.alloc(1_000_000, 0x91), 1007],
    ['text that nests too deep', '['.repeat(1_000_000), 1007],
    ['no bytes', new Uint8Array(), 1007],
    ['a frame over the limit', Buffer.alloc(1024 * 1024 + 1, 0xc0), 1009],
    ['text over the limit', ' '.repeat(1024 * 1024 + 1), 1009],
  ])('closes for %s', async (_, frame, code) => {
    client.socket.send(frame);
    expect(await client.closed).toBe(code);
    const other = await RawClient.connect(server);
    expect(await other.ask({ op: 'ping', ref: 1 })).toMatchObject({ ref: 1 });
    other.close();
  });

  test('is not a frame of exactly the limit', async () => {
    const overhead = JSON.stringify({ op: 'ping', ref: 1, pad: '' }).length;
    const answer = await client.ask({ op: 'ping', ref: 1, pad: 'x'.repeat(1024 * 1024 - overhead) }, 'json');
    expect(answer).toMatchObject({ ref: 1, time: expect.any(Number) });
  });

  test('answers what came before it', async () => {
    client.sendJson({ op: 'ping', ref: 1 });
    client.socket.send('{');
    expect(await client.closed).toBe(1007);
    expect(client.answers).toMatchObject([{ ref: 1 }]);
  });
});
