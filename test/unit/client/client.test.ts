import { afterEach, describe, expect, it, vi } from 'vitest';
import { type ClientOptions, connect, type RazielClient, RazielClientError } from '../../../src/client/index.ts';
import { type Answer, Peer, plainly, silently, type Wire } from './peer.ts';

const peers: Peer[] = [];
const clients: RazielClient[] = [];
const SOON = { reconnect: { baseMs: 1, maxMs: 5 } };

async function peerOf(answer: Answer): Promise<Peer> {
  const peer = await new Peer(answer).start();
  peers.push(peer);
  return peer;
}

async function clientOf(peer: Peer, options: ClientOptions = {}): Promise<RazielClient> {
  const client = await connect(peer.url, { ...SOON, ...options });
  clients.push(client);
  return client;
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: RazielClientError) => error.code,
  );

const event = <T>(client: RazielClient, name: 'connect' | 'disconnect' | 'rejected' | 'refused'): Promise<T> =>
  new Promise((resolve) => {
    const off = client.on(name, (value) => {
      off();
      resolve(value as T);
    });
  });

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await Promise.all(peers.splice(0).map((peer) => peer.stop()));
});

describe('requests and answers', () => {
  it('sends an operation with its fields flat beside it, and gives the answer back without the ref', async () => {
    const peer = await peerOf(plainly);
    const client = await clientOf(peer);
    expect(await client.nearest({ lat: 1, lon: 2, k: 3, tags: ['free'] })).toEqual({ drivers: [], tookMicros: 1 });
    expect(peer.received[0]).toEqual({ op: 'nearest', lat: 1, lon: 2, k: 3, tags: ['free'], ref: expect.any(Number) });
    expect(await client.ping()).toEqual({ time: 1_411_000_000_000 });
    expect(await client.remove('a')).toBe(true);
  });

  it('leaves out fields that are undefined and sends nil inside a fix', async () => {
    const peer = await peerOf(plainly);
    const client = await clientOf(peer);
    await client.nearest({ lat: 1, lon: 2, k: undefined } as never);
    await client.locations([{ id: 'a', lat: 1, lon: 2, heading: undefined } as never]);
    expect(Object.keys(peer.received[0] as Wire)).toEqual(['op', 'lat', 'lon', 'ref']);
    expect((peer.received[1] as Wire).batch).toEqual([{ id: 'a', lat: 1, lon: 2, heading: null }]);
  });

  it('pipelines: many requests are in flight at once and answers find theirs in any order', async () => {
    const held: Wire[] = [];
    const peer = await peerOf((request, socket) => {
      held.push(request);
      if (held.length < 100) return;
      for (const { ref, id } of held.reverse()) socket.reply({ ref, id, lat: 0, lon: 0, time: 0, ttl: 60, age: 0 });
    });
    const client = await clientOf(peer);
    const asked = Array.from({ length: 100 }, (_, i) => `driver-${i}`);
    const answers = await Promise.all(asked.map((id) => client.driver(id)));
    expect(answers.map((answer) => answer?.id)).toEqual(asked);
  });

  it('keeps no more in flight than its window', async () => {
    const held: (() => void)[] = [];
    const peer = await peerOf(({ ref }, socket) => held.push(() => socket.reply({ ref, time: 0 })));
    const client = await clientOf(peer, { inFlightMax: 3 });
    const all = Promise.all(Array.from({ length: 5 }, () => client.ping()));
    await peer.until(() => held.length === 3);
    expect(client.stats()).toMatchObject({ inFlight: 3, queued: 2 });
    held.shift()?.();
    await peer.until(() => held.length === 3);
    expect(client.stats()).toMatchObject({ inFlight: 3, queued: 1 });
    peer.answer = ({ ref }, socket) => socket.reply({ ref, time: 0 });
    for (const answer of held) answer();
    expect(await all).toHaveLength(5);
  });

  it('turns an error of the server into a RazielClientError with code, message, field and index', async () => {
    const error = { code: 'BAD_LAT', message: 'lat must be within -90..90, got 123', field: 'lat', index: 2 };
    const client = await clientOf(await peerOf(({ ref }, socket) => socket.reply({ ref, error })));
    const caught = await client.multisearch([]).catch((thrown: unknown) => thrown);
    expect(caught).toBeInstanceOf(RazielClientError);
    expect(caught).toMatchObject(error);
  });

  it('answers undefined for a driver that the server does not know', async () => {
    const error = { code: 'UNKNOWN_DRIVER', message: 'no such driver' };
    const client = await clientOf(await peerOf(({ ref }, socket) => socket.reply({ ref, error })));
    expect(await client.driver('nobody')).toBeUndefined();
  });

  it('resolves ack none when the batch is on its way and tells of rejected fixes by an event', async () => {
    const rejected = [{ index: 0, code: 'BAD_LAT', message: 'lat must be within -90..90, got 99' }];
    const peer = await peerOf((_, socket) => socket.reply({ accepted: 0, stale: 0, duplicate: 0, rejected }));
    const client = await clientOf(peer);
    const told = event<Wire>(client, 'rejected');
    expect(await client.locations([['a', 99, 0]], { ack: 'none' })).toBeUndefined();
    expect((await told).rejected).toEqual(rejected);
    expect(peer.received[0]).toEqual({ op: 'locations', batch: [['a', 99, 0]], ack: 'none' });
    expect(client.stats()).toMatchObject({ inFlight: 0, queued: 0, pendingBytes: 0 });
  });

  it('tells of an error that belongs to no request, and of bytes that are no answer', async () => {
    const peer = await peerOf((_, socket) => socket.reply({ error: { code: 'OVERLOADED', message: 'too much' } }));
    const client = await clientOf(peer);
    const refused = event<RazielClientError>(client, 'refused');
    await client.locations([['a', 0, 0]], { ack: 'none' });
    expect((await refused).code).toBe('OVERLOADED');
    const broken = event<RazielClientError>(client, 'refused');
    peer.sockets[0]?.send(Buffer.from([0x81]));
    expect((await broken).code).toBe('BAD_ANSWER');
    const noMap = event<RazielClientError>(client, 'refused');
    peer.sockets[0]?.send(Buffer.from([0xc0]));
    expect((await noMap).code).toBe('BAD_ANSWER');
  });

  it('refuses a request that is larger than a frame before it is sent', async () => {
    const peer = await peerOf(plainly);
    const client = await clientOf(peer, { frameBytesMax: 100 });
    expect(await codeOf(client.driver('x'.repeat(100)))).toBe('TOO_LARGE');
    await client.ping();
    expect(peer.received).toHaveLength(1);
  });
});

describe('time', () => {
  it('rejects a request that is not answered in time, and ignores its answer when it comes late', async () => {
    const held: (() => void)[] = [];
    const peer = await peerOf((request, socket) => {
      if (request.op === 'ping') plainly(request, socket);
      else held.push(() => socket.reply({ ref: request.ref, drivers: [], tookMicros: 1 }));
    });
    const client = await clientOf(peer);
    const slow = codeOf(client.nearest({ lat: 0, lon: 0 }, { timeoutMs: 50 }));
    await peer.until(() => held.length === 1);
    await client.ping();
    expect(await slow).toBe('TIMEOUT');
    held[0]?.();
    await client.ping();
    expect(client.stats()).toMatchObject({ lateAnswers: 1, connects: 1, inFlight: 0 });
  });

  it('gives a connection up on which nothing came since a request that timed out', async () => {
    const peer = await peerOf(silently);
    const client = await clientOf(peer);
    const again = event(client, 'connect');
    expect(await codeOf(client.ping({ timeoutMs: 30 }))).toBe('TIMEOUT');
    await again;
    expect(client.stats().connects).toBe(2);
  });

  it('times a request out that waits for a connection', async () => {
    const peer = await peerOf(plainly);
    await peer.stop();
    const client = await connect(peer.url, { ...SOON, lazy: true });
    clients.push(client);
    expect(await codeOf(client.ping({ timeoutMs: 20 }))).toBe('TIMEOUT');
    expect(client.stats()).toMatchObject({ queued: 0, pendingBytes: 0 });
  });
});

describe('a connection that drops', () => {
  it('sends reads and locations again on the next one, in order, and rejects remove', async () => {
    const peer = await peerOf(silently);
    const client = await clientOf(peer);
    const locations = client.locations([['a', 1, 2]]);
    const removed = codeOf(client.remove('a'));
    const nearest = client.nearest({ lat: 1, lon: 2 });
    await peer.until(() => peer.received.length === 3);
    peer.answer = plainly;
    const dropped = event<{ retryInMs: number }>(client, 'disconnect');
    for (const socket of peer.sockets) socket.terminate();
    expect((await dropped).retryInMs).toBeLessThan(5);
    expect(await removed).toBe('CONNECTION_LOST');
    expect(await locations).toEqual({ accepted: 1, stale: 0, duplicate: 0, rejected: [] });
    expect(await nearest).toEqual({ drivers: [], tookMicros: 1 });
    expect(peer.received.slice(3).map((request) => request.op)).toEqual(['locations', 'nearest']);
    expect(client.stats()).toMatchObject({ connects: 2, resent: 2, pendingBytes: 0 });
  });

  it('keeps requests while the server is away and sends them when it is back', async () => {
    const peer = await peerOf(plainly);
    const client = await clientOf(peer);
    const gone = event(client, 'disconnect');
    await peer.stop();
    await gone;
    const answers = Promise.all([client.ping(), client.remove('a'), client.locations([['a', 1, 2]], { ack: 'none' })]);
    await peer.start();
    expect(await answers).toEqual([{ time: 1_411_000_000_000 }, true, undefined]);
    expect(client.connected).toBe(true);
  });

  it('gives a request up that ended its connection as often as attemptsMax says', async () => {
    const peer = await peerOf((_, socket) => socket.kill());
    const client = await clientOf(peer, { attemptsMax: 3 });
    expect(await codeOf(client.ping())).toBe('CONNECTION_LOST');
    expect(peer.received).toHaveLength(3);
  });

  it('does not send again what was in flight when the server closed over a frame that is too large', async () => {
    const peer = await peerOf((_, socket) => socket.close(1009));
    const client = await clientOf(peer);
    expect(await codeOf(client.locations([['a', 1, 2]]))).toBe('CONNECTION_LOST');
    peer.answer = plainly;
    await client.ping();
    expect(peer.received.map((request) => request.op)).toEqual(['locations', 'ping']);
  });

  it('rejects everything when it is not to connect again', async () => {
    const peer = await peerOf(silently);
    const client = await clientOf(peer, { reconnect: false });
    const pending = codeOf(client.ping());
    await peer.until(() => peer.received.length === 1);
    await peer.stop();
    expect(await pending).toBe('CONNECTION_LOST');
    expect(await codeOf(client.ping())).toBe('CLIENT_CLOSED');
  });

  it('says CONNECT_FAILED when nobody listens, and BAD_URL for what is no address', async () => {
    const peer = await peerOf(plainly);
    await peer.stop();
    expect(await codeOf(connect(peer.url))).toBe('CONNECT_FAILED');
    expect(await codeOf(connect('ftp://localhost'))).toBe('BAD_URL');
  });
});

/** A client whose server is not there yet. */
async function away(options: ClientOptions): Promise<{ client: RazielClient; peer: Peer }> {
  const peer = await peerOf(plainly);
  await peer.stop();
  const client = await connect(peer.url, { ...SOON, lazy: true, ...options });
  clients.push(client);
  return { client, peer };
}

describe('bounded memory', () => {
  it('rejects the request past the number or the bytes that may wait, and keeps the others', async () => {
    const byNumber = await away({ pendingMax: 2 });
    const kept = [byNumber.client.ping(), byNumber.client.ping()];
    expect(await codeOf(byNumber.client.ping())).toBe('CLIENT_BUFFER_FULL');
    await byNumber.peer.start();
    expect(await Promise.all(kept)).toHaveLength(2);

    const byBytes = await away({ pendingBytesMax: 100 });
    const first = codeOf(byBytes.client.driver('x'.repeat(60)));
    expect(await codeOf(byBytes.client.driver('y'.repeat(60)))).toBe('CLIENT_BUFFER_FULL');
    await byBytes.client.close();
    expect(await first).toBe('CLIENT_CLOSED');
  });

  it('gives up the oldest locations for newer ones when asked to, and counts them', async () => {
    const { client, peer } = await away({ pendingMax: 3, overflow: 'drop-oldest' });
    const ping = client.ping();
    const batches = [1, 2, 3, 4].map((n) => client.locations(Array.from({ length: n }, (_, i) => [`d${i}`, n, 0])));
    const outcomes = Promise.all(batches.map((batch) => codeOf(batch)));
    expect(await codeOf(client.ping())).toBe('CLIENT_BUFFER_FULL');
    await peer.start();
    expect(await outcomes).toEqual(['CLIENT_DROPPED', 'CLIENT_DROPPED', 'no error', 'no error']);
    await ping;
    expect(client.stats()).toMatchObject({ droppedRequests: 2, droppedFixes: 3, queued: 0, pendingBytes: 0 });
  });

  it('frees what timed out in the queue, however long the server stays away', async () => {
    const { client } = await away({ pendingMax: 10 });
    for (let round = 0; round < 5; round += 1) {
      const codes = await Promise.all(Array.from({ length: 10 }, () => codeOf(client.ping({ timeoutMs: 1 }))));
      expect(new Set(codes)).toEqual(new Set(['TIMEOUT']));
    }
    expect(client.stats()).toMatchObject({ queued: 0, pendingBytes: 0 });
  });
});

describe('close', () => {
  it('rejects what is pending and takes nothing more', async () => {
    const peer = await peerOf(silently);
    const client = await clientOf(peer);
    const pending = [codeOf(client.ping()), codeOf(client.locations([['a', 0, 0]]))];
    await peer.until(() => peer.received.length === 2);
    await client.close();
    expect(await Promise.all(pending)).toEqual(['CLIENT_CLOSED', 'CLIENT_CLOSED']);
    expect(await codeOf(client.ping())).toBe('CLIENT_CLOSED');
    await client.close();
  });

  it('stops trying when it is closed between two attempts', async () => {
    const peer = await peerOf(plainly);
    await peer.stop();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const client = await connect(peer.url, { lazy: true });
      await event(client, 'disconnect');
      const pending = codeOf(client.ping());
      // One for the next attempt, one for the request.
      expect(vi.getTimerCount()).toBe(2);
      await client.close();
      expect(vi.getTimerCount()).toBe(0);
      expect(await pending).toBe('CLIENT_CLOSED');
    } finally {
      vi.useRealTimers();
    }
  });
});
