// Ids as clients get them: over HTTP, WebSocket in both encodings and the client, from one thread and from several.

import { Unpackr } from 'msgpackr';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../src/client/index.ts';
import { loadNative } from '../../src/drivers/native.ts';
import { decodeId, ID_EPOCH_MS_DEFAULT } from '../../src/ids/layout.ts';
import { run } from './cli-process.ts';
import { type Answer, type BootedServer, bootServer, RawClient } from '../support/booted-server.ts';

const unpackr = new Unpackr({ useRecords: false, int64AsType: 'bigint' as 'number' });
const UINT_64 = 0xcf;

const rises = (ids: readonly bigint[]): boolean => ids.every((id, i) => i === 0 || id > (ids[i - 1] as bigint));

describe('ids', () => {
  let server: BootedServer;

  beforeAll(async () => {
    server = await bootServer('--log-level', 'warn', '--machine', '7');
  });

  afterAll(async () => {
    expect(await server.stop()).toBe(0);
  });

  const get = async (query: string, headers = {}): Promise<Response> =>
    fetch(`${server.url}/v1/ids${query}`, { headers });

  test('come one by one or in thousands over HTTP, as decimal strings that rise', async () => {
    const before = Date.now();
    const { ids: one } = (await (await get('')).json()) as { ids: string[] };
    const { ids: many } = (await (await get('?n=10000')).json()) as { ids: string[] };
    expect(one).toHaveLength(1);
    expect(many).toHaveLength(10_000);
    expect([...one, ...many].every((id) => typeof id === 'string' && /^[1-9]\d*$/.test(id))).toBe(true);
    expect(rises([...one, ...many].map(BigInt))).toBe(true);
    const { ms, machine } = decodeId(BigInt(one[0] as string));
    expect(machine).toBe(7);
    expect(Math.abs(ms + ID_EPOCH_MS_DEFAULT - before)).toBeLessThan(10_000);
  });

  test('are uint64 in MessagePack, over HTTP and over WebSocket', async () => {
    const body = new Uint8Array(await (await get('?n=3', { accept: 'application/msgpack' })).arrayBuffer());
    expect(body.filter((byte) => byte === UINT_64).length).toBeGreaterThanOrEqual(3);
    const { ids } = unpackr.unpack(body as Buffer) as { ids: bigint[] };
    expect(ids.map((id) => typeof id)).toEqual(['bigint', 'bigint', 'bigint']);
    const client = await RawClient.connect(server);
    const frame = new Promise<Uint8Array>((resolve) => client.socket.once('message', resolve));
    client.sendPacked({ op: 'ids', ref: 'a', n: 300 });
    const answer = unpackr.unpack((await frame) as Buffer) as { ref: string; ids: bigint[] };
    expect(Object.keys(answer)).toEqual(['ref', 'ids']);
    expect(answer.ref).toBe('a');
    expect(answer.ids).toHaveLength(300);
    expect(rises([...ids, ...answer.ids])).toBe(true);
    client.close();
  });

  test('are strings in the JSON of a WebSocket, one when n is absent', async () => {
    const client = await RawClient.connect(server);
    expect(await client.ask({ op: 'ids', ref: 1 }, 'json')).toEqual({ ref: 1, ids: [expect.stringMatching(/^\d+$/)] });
    expect(await client.ask({ op: 'ids', n: null }, 'json')).toEqual({ ids: [expect.stringMatching(/^\d+$/)] });
    client.close();
  });

  test.each([0, 10_001, -1, 1.5, '1', [1]])('are refused for n = %j', async (n) => {
    const client = await RawClient.connect(server);
    const { error } = (await client.ask({ op: 'ids', n })) as Answer;
    expect(error).toMatchObject({ code: 'BAD_N', field: 'n' });
    expect(error?.message).toContain('within 1..10000');
    client.close();
  });

  test('are bigints for the client, exactly, small ones too', async () => {
    const epoch = new Date(Date.now() - 60_000).toISOString();
    const young = await bootServer('--log-level', 'warn', '--id-epoch', epoch);
    const client = await connect(young.url, { reconnect: false });
    try {
      const [first] = await client.ids();
      const more = await client.ids(10_000);
      expect(more).toHaveLength(10_000);
      expect(rises([first as bigint, ...more])).toBe(true);
      expect(first as bigint).toBeLessThan(2n ** 53n);
      const old = await connect(server.url, { reconnect: false });
      const large = [...(await old.ids()), ...(await old.ids(1_000))];
      await old.close();
      expect(new Set(large).size).toBe(1_001);
      expect(rises(large) && large.every((id) => id > 2n ** 53n && decodeId(id).machine === 7)).toBe(true);
      await expect(client.ids(0)).rejects.toMatchObject({ code: 'BAD_N' });
    } finally {
      await client.close();
      expect(await young.stop()).toBe(0);
    }
  });

  test('are those of requests over HTTP, in the header of every answer', async () => {
    const seen: bigint[] = [];
    for (const path of ['/healthz', '/v1/ids', '/v1/nearest?lat=91&lon=0', '/nowhere', '/v1/drivers/none']) {
      const response = await fetch(server.url + path);
      seen.push(BigInt(response.headers.get('x-request-id') ?? 'missing'));
    }
    expect(rises(seen)).toBe(true);
    expect(seen.map((id) => decodeId(id).machine)).toEqual([7, 7, 7, 7, 7]);
  });

  test('come from the command line, which takes them apart too', async () => {
    const made = await run(['ids', '3', '--url', server.url]);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const ids = made.stdout.trim().split('\n');
    expect(ids).toHaveLength(3);
    expect(rises(ids.map(BigInt))).toBe(true);
    const parts = await run(['ids', 'decode', ...ids, '--json']);
    expect(
      parts.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as object),
    ).toEqual(ids.map((id) => expect.objectContaining({ id, machine: 7 })));
    expect(await run(['ids', 'decode', '77669839702851584'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/77669839702851584 +2024-08-02T\S+ +18517932821 +0 +0\n$/),
    });
    for (const wrong of ['-1', '1e5', '9223372036854775808', 'id']) {
      expect((await run(['ids', 'decode', '--', wrong])).code).toBe(2);
    }
  });

  test('are counted under an op of their own', async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    expect(text).toMatch(/^raziel_requests_total\{op="ids",transport="http"\} [1-9]/m);
  });
});

test.each([
  [['--machine', '1024'], /--machine/],
  [['--id-epoch', 'yesterday'], /--id-epoch/],
  [['--id-epoch', '2024-13-01T00:00:00Z'], /--id-epoch/],
])('a server with %j does not start', async (flags, message) => {
  await expect(bootServer(...flags)).rejects.toThrow(message);
});

const native = loadNative();
if (!native.ok) console.warn(`SKIPPED: ids of several threads, which need the native engine: ${native.reason}`);

test.skipIf(!native.ok)('ids of several threads rise from one connection to the next', async () => {
  const server = await bootServer('--log-level', 'warn', '--engine', 'native', '--threads', '2');
  try {
    const clients = await Promise.all(Array.from({ length: 12 }, () => RawClient.connect(server)));
    const made: bigint[] = [];
    for (let i = 0; i < 240; i++) {
      const { ids } = (await (clients[i % clients.length] as RawClient).ask({ op: 'ids', n: 1 + (i % 3) }, 'json')) as {
        ids: string[];
      };
      made.push(...ids.map(BigInt));
    }
    expect(rises(made)).toBe(true);
    const at = (await Promise.all(clients.map((client) => client.ask({ op: 'ids', n: 500 }, 'json')))) as unknown as {
      ids: string[];
    }[];
    const all = at.flatMap(({ ids }) => ids);
    expect(new Set(all).size).toBe(12 * 500);
    for (const client of clients) client.close();
  } finally {
    expect(await server.stop()).toBe(0);
  }
});
