// Clients that go past every limit of the transport: too many, too large, too deep, too slow. Each is told so or ended, each is counted, and
// somebody else is served all the while. Slow readers are in flow.test.ts, memory in overload-memory.test.ts.

import { pack } from 'msgpackr';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type BootedServer, bootServer, RawClient, unpack } from '../support/booted-server.ts';
import { RawSocket } from '../support/raw-socket.ts';

const CONNECTIONS_MAX = 40;
/** Past the limit of connections so many are taken for plain HTTP. */
const SPARE = 64;

let server: BootedServer;
let good: RawClient;
const raws: RawSocket[] = [];
const clients: RawClient[] = [];
/** Whoever never ends the head of a request. The socket library lets go of it after 10 s, which the other tests use. */
let halfOpen: RawSocket[];

beforeAll(async () => {
  server = await bootServer(
    '--log-level',
    'warn',
    '--memory',
    '--body-seconds',
    '1',
    '--connections-max',
    String(CONNECTIONS_MAX),
  );
  good = await RawClient.connect(server);
  halfOpen = [await RawSocket.connect(server.port), await RawSocket.connect(server.port)];
  await halfOpen[0]?.write('GET /v1/nearest HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ');
});

afterEach(async () => {
  for (const each of raws.splice(0)) each.close();
  for (const each of clients.splice(0)) each.close();
  expect(await good.ask({ op: 'ping', ref: 'still served' })).toMatchObject({ ref: 'still served' });
});

afterAll(async () => {
  good.close();
  expect(await server.stop()).toBe(0);
});

async function raw(opening: Promise<RawSocket>): Promise<RawSocket> {
  const socket = await opening;
  raws.push(socket);
  return socket;
}

async function client(): Promise<RawClient> {
  const connected = await RawClient.connect(server);
  clients.push(connected);
  return connected;
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`, { headers: { connection: 'close' } })).text();
  return Number(new RegExp(`^${name.replaceAll(/[{}"]/g, '\\$&')} (\\S+)`, 'm').exec(text)?.[1]);
}

async function post(path: string, body: Uint8Array, type: string): Promise<{ status: number; code: string }> {
  const headers = { 'content-type': type };
  const response = await fetch(server.url + path, { method: 'POST', headers, body: new Uint8Array(body) });
  const { error } = (await response.json()) as { error: { code: string } };
  return { status: response.status, code: error.code };
}

describe('floods', () => {
  test('of connections are cut off at the limit, and counted', async () => {
    const before = await metric('raziel_connections_refused_total');
    const flood = await Promise.all(Array.from({ length: 300 }, () => raw(RawSocket.connect(server.port))));
    const refused = 300 - (CONNECTIONS_MAX + SPARE);
    let ended = 0;
    await new Promise<void>((resolve) => {
      for (const { socket } of flood) {
        socket.once('close', () => {
          if (++ended === refused) resolve();
        });
        // It may have been closed already.
        if (socket.destroyed && ++ended === refused) resolve();
      }
    });
    expect((await good.ask({ op: 'ping', ref: 1 })).ref).toBe(1);
    for (const socket of flood) socket.close();
    await Promise.all(flood.map(({ closed }) => closed));
    expect(await metric('raziel_connections_refused_total')).toBeGreaterThanOrEqual(before + refused);
  });

  test('of 100,000 requests in flight over many connections are answered, each in its place', async () => {
    const each = 5_000;
    const all = await Promise.all(Array.from({ length: 20 }, () => client()));
    for (const { socket } of all) socket.pause();
    for (const one of all) {
      for (let ref = 0; ref < each; ref++) {
        if (ref % 2 === 0) one.sendPacked({ op: 'ping', ref });
        else one.sendJson({ op: 'nearest', lat: 1, lon: 1, k: 1, ref });
      }
    }
    for (const { socket } of all) socket.resume();
    for (const one of all) {
      const answers = await one.until(each);
      expect(answers.every(({ ref, error }, i) => ref === i && error === undefined)).toBe(true);
    }
  });
});

describe('frames', () => {
  test('that announce more than there can be are not waited for', async () => {
    for (const announced of [3_000_000, 2 ** 40]) {
      const endless = await raw(RawSocket.upgrade(server.port));
      await endless.writeFrame(announced, 1_000);
      await endless.closed;
    }
  });

  test('that never end, fragment by fragment, are ended', async () => {
    const endless = await raw(RawSocket.upgrade(server.port));
    for (let i = 0; i < 100 && !endless.socket.destroyed; i++) {
      // A text frame that is not the last, then what continues it.
      const head = Buffer.from([i === 0 ? 0x01 : 0x00, 0x80 | 126, 0, 0, 0, 0, 0, 0]);
      head.writeUInt16BE(65_000, 2);
      await endless.write(Buffer.concat([head, Buffer.alloc(65_000, 0x20)]));
    }
    await endless.closed;
  });

  test.each([
    ['JSON', Buffer.from(`{"op":"ping","ref":1,"x":${'['.repeat(400_000)}`), false],
    ['JSON that is whole', Buffer.from(`{"op":"ping","x":${'['.repeat(20_000)}${']'.repeat(20_000)}}`), false],
    [
      'MessagePack',
      Buffer.concat([Buffer.from([0x82]), pack('op'), pack('ping'), pack('x'), Buffer.alloc(500_000, 0x91)]),
      true,
    ],
    ['MessagePack maps', Buffer.alloc(500_000, 0x81), true],
  ])('that nest without end are broken: %s', async (_, frame, binary) => {
    const one = await client();
    one.socket.send(frame, { binary });
    expect(await one.closed).toBe(1007);
  });
});

describe('bodies', () => {
  const deep = Buffer.from(`${'['.repeat(300_000)}${']'.repeat(300_000)}`);

  test.each(['/v1/locations', '/v1/search', '/v1/multisearch', '/v1/zones/at'])(
    'that nest without end are refused: %s',
    async (path) => {
      expect(await post(path, deep, 'application/json')).toEqual({ status: 400, code: 'BAD_JSON' });
      const packed = Buffer.alloc(500_000, 0x91);
      expect(await post(path, packed, 'application/msgpack')).toEqual({ status: 400, code: 'BAD_MSGPACK' });
    },
  );

  test('that are too large are refused before they have come', async () => {
    const socket = await raw(RawSocket.connect(server.port));
    await socket.write('POST /v1/locations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999999\r\n\r\n[');
    while (!socket.received.includes('TOO_LARGE')) await new Promise((resolve) => socket.socket.once('data', resolve));
    expect(socket.received).toMatch(/^HTTP\/1.1 413 /);
  });

  test.each([
    ['a batch', 'POST /v1/locations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n[', ' '],
    ['zones', 'PUT /v1/zones/a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n{', ' '],
    ['chunks', 'POST /v1/locations HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n', '1\r\n \r\n'],
  ])('that drip in are not waited for: %s', async (_, head, drop) => {
    const slow = await raw(RawSocket.connect(server.port));
    await slow.write(head);
    const dripping = setInterval(() => void slow.write(drop), 100);
    await slow.closed;
    clearInterval(dripping);
    expect(slow.received).toMatch(/^HTTP\/1.1 408 /);
    expect(slow.received).toContain('TIMED_OUT');
    expect(await metric('raziel_errors_total{code="TIMED_OUT"}')).toBeGreaterThan(0);
    expect(await metric('raziel_body_bytes')).toBe(0);
  });

  test('that come fast enough may take longer', async () => {
    const steady = await raw(RawSocket.connect(server.port));
    const chunk = ' '.repeat(100_000);
    await steady.write(
      `POST /v1/locations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${8 * chunk.length + 2}\r\n\r\n`,
    );
    // Each is worth a second and a half: this takes longer than --body-seconds in all.
    for (let i = 0; i < 8; i++) {
      await steady.write(chunk);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    await steady.write('[]');
    while (!steady.received.includes('accepted')) await new Promise((resolve) => steady.socket.once('data', resolve));
    expect(steady.received).toMatch(/^HTTP\/1.1 200 /);
  });
});

describe('requests', () => {
  test('whose head never ends, and connections that say nothing, are let go', async () => {
    await Promise.all(halfOpen.map(({ closed }) => closed));
    expect(halfOpen.map(({ received }) => received)).toEqual(['', '']);
  });

  test('of which no answer is waited for leave nothing behind', async () => {
    for (let i = 0; i < 30; i++) {
      const gone = await raw(RawSocket.connect(server.port));
      await gone.write('POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5000\r\n\r\n{"within":');
      gone.close();
    }
    while ((await metric('raziel_body_bytes')) > 0);
    const answer = await fetch(`${server.url}/v1/nearest?lat=1&lon=1`, { headers: { accept: 'application/msgpack' } });
    expect(unpack(new Uint8Array(await answer.arrayBuffer()))).toHaveProperty('drivers');
  });
});
