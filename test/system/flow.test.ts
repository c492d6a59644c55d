// Flow control on a booted server: order under load, slow readers, the in-flight limit. What is scripted step by step is in
// test/unit/transport; here the kernel's buffers and the event loop have their say.

import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BootedServer, bootServer, RawClient } from '../support/booted-server.ts';

const IN_FLIGHT = 16_384;

let server: BootedServer;

beforeAll(async () => {
  server = await bootServer('--log-level', 'warn');
  const client = await RawClient.connect(server);
  const tags = Array.from({ length: 8 }, (_, i) => `a-rather-long-tag-to-make-answers-large-${i}`);
  const batch = Array.from({ length: 200 }, (_, i) => [`driver-${i}`, 10 + i / 1e5, 10, null, 1, 2, 3, tags, 3600]);
  expect(await client.ask({ op: 'locations', batch })).toMatchObject({ accepted: 200 });
  client.close();
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(new RegExp(`^${name.replaceAll(/[{}"]/g, '\\$&')} (\\S+)`, 'm').exec(text)?.[1]);
}

/** About 75 kB of answer each. */
const LARGE = { op: 'nearest', lat: 10, lon: 10, k: 200, radius: 1_000_000 };

const rawGet = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`;

const refsOf = (client: RawClient): unknown[] => client.answers.map(({ ref }) => ref);
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('a connection', () => {
  test('answers 16,384 requests in flight, all and in order, in mixed encodings', async () => {
    const client = await RawClient.connect(server);
    for (const ref of range(IN_FLIGHT)) {
      const request = ref % 3 === 0 ? { op: 'ping', ref } : { op: 'nearest', ref, lat: 10, lon: 10, k: 1 };
      if (ref % 2 === 0) client.sendPacked(request);
      else client.sendJson(request);
    }
    const answers = await client.until(IN_FLIGHT);
    expect(refsOf(client)).toEqual(range(IN_FLIGHT));
    expect(answers.filter(({ error }) => error !== undefined)).toEqual([]);
    client.close();
  });

  test('keeps the order behind a supply, which is counted elsewhere', async () => {
    const client = await RawClient.connect(server);
    for (const ref of range(30)) client.sendPacked({ op: ref % 10 === 5 ? 'supply' : 'ping', ref });
    await client.until(30);
    expect(refsOf(client)).toEqual(range(30));
    client.close();
  });

  test('sees its own fixes in the requests behind them', async () => {
    const client = await RawClient.connect(server);
    const count = 500;
    for (const i of range(count)) {
      client.sendPacked({ op: 'locations', ack: 'none', batch: [[`own-${i}`, -20, 20]] });
      client.sendPacked({ op: 'driver', ref: i, id: `own-${i}` });
    }
    const answers = await client.until(count);
    expect(answers.map(({ id }) => id)).toEqual(range(count).map((i) => `own-${i}`));
    client.close();
  });
});

describe('a client that does not read', () => {
  test('has its requests held, and gets every answer in order once it reads', async () => {
    const client = await RawClient.connect(server);
    const heldBefore = await metric('raziel_held_requests_total');
    client.socket.pause();
    const count = 400;
    for (const ref of range(count)) client.sendPacked({ ...LARGE, ref });
    await expect.poll(() => metric('raziel_held_requests_total'), { timeout: 20_000 }).toBeGreaterThan(heldBefore);
    const other = await RawClient.connect(server);
    expect(await other.ask({ op: 'ping', ref: 'meanwhile' })).toMatchObject({ ref: 'meanwhile' });
    other.close();
    client.socket.resume();
    await client.until(count);
    expect(refsOf(client)).toEqual(range(count));
    expect(client.answers.every(({ drivers }) => (drivers as unknown[]).length === 200)).toBe(true);
    expect(await metric('raziel_held_requests')).toBe(0);
    expect(await metric('raziel_held_bytes')).toBe(0);
    client.close();
  });

  test('is told OVERLOADED past the limit, each request in its place', async () => {
    const client = await RawClient.connect(server);
    client.socket.pause();
    const large = 400;
    const count = large + IN_FLIGHT + 1_000;
    for (const ref of range(count)) client.sendPacked(ref < large ? { ...LARGE, ref } : { op: 'ping', ref });
    await expect.poll(() => metric('raziel_overloaded_requests_total'), { timeout: 20_000 }).toBeGreaterThan(0);
    client.socket.resume();
    const answers = await client.until(count);
    expect(refsOf(client)).toEqual(range(count));
    const refused = answers.filter(({ error }) => error !== undefined);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThanOrEqual(large + 1_000);
    for (const { error } of refused) expect(error?.code).toBe('OVERLOADED');
    expect(await client.ask({ op: 'ping', ref: 'after' })).toMatchObject({ ref: 'after', time: expect.any(Number) });
    client.close();
  });

  test('is closed when it goes on regardless, and what it held is let go', async () => {
    const client = await RawClient.connect(server);
    client.socket.pause();
    for (const ref of range(400)) client.sendPacked({ ...LARGE, ref });
    for (const ref of range(2 * IN_FLIGHT + 1_000)) client.sendPacked({ op: 'ping', ref });
    await expect
      .poll(() => metric('raziel_connections_closed_total{reason="slow_reader"}'), { timeout: 20_000 })
      .toBe(1);
    expect(await metric('raziel_held_requests')).toBe(0);
    client.close();
  });

  test('that goes away leaves nothing behind', async () => {
    const client = await RawClient.connect(server);
    client.socket.pause();
    const before = await metric('raziel_held_requests_total');
    for (const ref of range(400)) client.sendPacked({ ...LARGE, ref });
    await expect.poll(() => metric('raziel_held_requests_total'), { timeout: 20_000 }).toBeGreaterThan(before);
    client.close();
    await expect.poll(() => metric('raziel_held_requests'), { timeout: 20_000 }).toBe(0);
    await expect.poll(() => metric('raziel_websocket_connections'), { timeout: 20_000 }).toBe(0);
  });
});

describe('HTTP', () => {
  const largePath = '/v1/nearest?lat=10&lon=10&k=200&radius=1000000';

  test('brings a large answer over whole, however slowly it is read', async () => {
    const searches = Array.from({ length: 60 }, () => ({ nearest: { lat: 10, lon: 10, k: 200, radius: 1_000_000 } }));
    const socket = connect(server.port, '127.0.0.1');
    const body = JSON.stringify({ searches });
    socket.write(
      `POST /v1/multisearch HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    const chunks: Buffer[] = [];
    for await (const chunk of socket) {
      chunks.push(chunk as Buffer);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const [head, answer] = Buffer.concat(chunks).toString().split('\r\n\r\n') as [string, string];
    expect(head).toContain('200 OK');
    expect(answer.length).toBeGreaterThan(4_000_000);
    const { results } = JSON.parse(answer) as { results: { drivers: { id: string }[] }[] };
    expect(results.map(({ drivers }) => drivers.length)).toEqual(searches.map(() => 200));
    expect(new Set(results.map(({ drivers }) => drivers.map(({ id }) => id).join())).size).toBe(1);
  });

  test('answers requests that a client pipelines and reads, in order', async () => {
    const all = range(50).map((i) => `driver-${i}`);
    const seen: string[] = [];
    for (let tries = 0; seen.length < all.length && tries < 30; tries++) {
      const left = all.slice(seen.length);
      const answered = await pipeline(left);
      expect(answered).toEqual(left.slice(0, answered.length));
      // On a machine that is busy elsewhere the requests of one turn may take 20 ms, and the connection ends; clients send the rest again.
      seen.push(...answered);
    }
    expect(seen).toEqual(all);
  });

  /** Asks for drivers over one connection, all at once; resolves to those that were answered when all were, or it has ended. */
  async function pipeline(ids: readonly string[]): Promise<string[]> {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(ids.map((id) => rawGet(`/v1/drivers/${id}`)).join(''));
    let received = '';
    const seen = (): string[] => [...received.matchAll(/"id":"([^"]+)"/g)].map(([, id]) => id as string);
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      socket.on('data', (chunk) => {
        received += chunk.toString();
        if (seen().length === ids.length) resolve();
      });
    });
    socket.destroy();
    return seen();
  }

  test('ends a client that pipelines large answers and does not read them, and keeps nothing for it', async () => {
    const before = await metric('process_resident_memory_bytes');
    const socket = connect(server.port, '127.0.0.1');
    socket.pause();
    socket.on('error', () => {});
    socket.write(rawGet(largePath).repeat(5_000));
    await expect.poll(() => metric('raziel_http_aborted_total'), { timeout: 20_000 }).toBeGreaterThan(0);
    // What it asked for would take 400 MB.
    expect((await metric('process_resident_memory_bytes')) - before).toBeLessThan(150e6);
    socket.destroy();
  });

  test('ends a client that goes on asking for large answers without reading them', async () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.pause();
    socket.on('error', () => {});
    for (let sent = 0; sent < 400 && socket.errored === null; sent++) {
      socket.write(rawGet(largePath));
      // A turn of the server's event loop, in which the request is answered.
      await metric('raziel_drivers');
    }
    expect(socket.errored).not.toBeNull();
    socket.destroy();
  });
});
