// Flow control of one connection, with a socket that does what the test says: order, holding, OVERLOADED, closing.

import { allocateTraffic } from '../../../src/eta/traffic.ts';
import { LearnedTimes } from '../../../src/eta/travel-times.ts';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Grant } from '../../../src/access/grant.ts';
import { openPortableEngine } from '../../../src/drivers/portable.ts';
import { allocateIds, IdGenerator } from '../../../src/ids/generator.ts';
import { allocateCounters, Counters, CounterTotals } from '../../../src/metrics/counters.ts';
import { AMPLE_ROOM, type MemoryRoom, type Pressure } from '../../../src/overload/memory-guard.ts';
import { NO_SLOW_LOG, SlowLog, type SlowRequest } from '../../../src/overload/slow-log.ts';
import { packMessage } from '../../../src/protocol/codec.ts';
import { Reply } from '../../../src/service/reply.ts';
import { Service, type SupplyCounter } from '../../../src/service/service.ts';
import { PortableLookups } from '../../../src/zoning/portable-lookups.ts';
import { RequestTraces } from '../../../src/transport/request-traces.ts';
import { traced } from '../../support/traced.ts';
import { TurnQueue } from '../../../src/transport/turn-queue.ts';
import { BUFFERED_BYTES_MAX, Connection, type Socket } from '../../../src/transport/connection.ts';

function learnedEta() {
  const learned = new LearnedTimes(allocateTraffic());
  return { learned, times: learned, overfetch: 3 };
}

class FakeSocket implements Socket {
  sent: { ref?: unknown; error?: { code: string } }[] = [];
  buffered = 0;
  closedWith: number | undefined;
  send(message: Uint8Array | string): void {
    this.sent.push(JSON.parse(String(message)));
  }
  getBufferedAmount(): number {
    return this.buffered;
  }
  end(code: number): void {
    this.closedWith = code;
  }
  cork(work: () => void): void {
    work();
  }
  get refs(): unknown[] {
    return this.sent.map(({ ref }) => ref);
  }
}

const IN_FLIGHT_MAX = 5;
const HELD_BYTES_MAX = 400;

interface Given {
  readonly turnQueue?: TurnQueue;
  readonly supply?: SupplyCounter;
  readonly memory?: MemoryRoom;
  readonly slow?: SlowLog;
}

const engine = openPortableEngine({ driversMax: 10, ttlSecondsDefault: 60, searchCandidatesMax: 100 });
const ids = new IdGenerator(allocateIds(), 0, 0, Date.now);
const reported: unknown[] = [];

beforeEach(() => {
  // A machine that is busy elsewhere would otherwise use up a connection's turn of the thread.
  let ms = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => {
    ms += 1e-4;
    return ms;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  expect(reported).toEqual([]);
});

function open({
  turnQueue = new TurnQueue(),
  supply = () => Promise.reject(new Error('not in this test')),
  memory = AMPLE_ROOM,
  slow = NO_SLOW_LOG,
}: Given = {}) {
  const shared = allocateCounters(1);
  const counters = new Counters(shared, 0);
  const { tracer, services } = traced();
  const socket = new FakeSocket();
  const connection = new Connection(
    socket,
    {
      service: new Service(
        engine,
        new Reply(),
        { batchFixesMax: 10 },
        supply,
        () => {},
        new PortableLookups(),
        ids,
        services,
        learnedEta(),
      ),
      webSocketTraces: new RequestTraces(tracer, 'websocket'),
      hot: undefined,
      counters,
      turnQueue,
      durable: undefined,
      limits: { frameBytesMax: 200, inFlightMax: IN_FLIGHT_MAX, heldBytesMax: HELD_BYTES_MAX },
      memory,
      slow,
      report: (error) => reported.push(error),
      audit: () => {},
    },
    { grant: new Grant(undefined), remoteAddress: '' },
  );
  const send = (request: object): void => {
    const bytes = Buffer.from(JSON.stringify(request));
    connection.receive(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length), false);
  };
  const ping = (ref: number, pad = ''): void => send({ op: 'ping', ref, pad });
  return { socket, connection, totals: new CounterTotals(shared), send, ping };
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

/** A supply that is counted when the test says so. */
function later(): { promise: Promise<Uint8Array>; resolve: () => void } {
  const ends: (() => void)[] = [];
  const promise = new Promise<Uint8Array>((done) => {
    ends.push(() => done(Buffer.from('{"ref":"supply"}')));
  });
  return { promise, resolve: () => ends[0]?.() };
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a connection', () => {
  test('answers at once while its socket takes the answers', () => {
    const { socket, ping } = open();
    for (const ref of range(0, 100)) ping(ref);
    expect(socket.refs).toEqual(range(0, 100));
  });

  test('holds requests while its socket is backpressured, and answers them in order on drain', () => {
    const { socket, connection, totals, ping } = open();
    socket.buffered = BUFFERED_BYTES_MAX + 1;
    for (const ref of range(0, IN_FLIGHT_MAX)) ping(ref);
    expect(socket.sent).toEqual([]);
    expect(totals.single('heldRequests')).toBe(IN_FLIGHT_MAX);
    socket.buffered = 0;
    connection.drained();
    expect(socket.refs).toEqual(range(0, IN_FLIGHT_MAX));
    expect(totals.single('heldRequests')).toBe(0);
    expect(totals.single('heldBytes')).toBe(0);
  });

  test('says of each frame that it holds it, so that others are answered between them', () => {
    const turnQueue = new TurnQueue();
    const held = vi.spyOn(turnQueue, 'held');
    const { socket, ping } = open({ turnQueue });
    ping(0);
    expect(held).toHaveBeenCalledTimes(0);
    socket.buffered = BUFFERED_BYTES_MAX + 1;
    for (const ref of range(0, 3)) ping(ref);
    expect(held).toHaveBeenCalledTimes(3);
  });

  test('stops again when the socket fills up in the middle of what it held', () => {
    const { socket, connection, ping } = open();
    socket.buffered = BUFFERED_BYTES_MAX + 1;
    for (const ref of range(0, 4)) ping(ref);
    socket.buffered = 0;
    const send = socket.send.bind(socket);
    socket.send = (message) => {
      send(message);
      if (socket.sent.length === 2) socket.buffered = BUFFERED_BYTES_MAX + 1;
    };
    connection.drained();
    expect(socket.refs).toEqual([0, 1]);
    ping(4);
    socket.buffered = 0;
    connection.drained();
    expect(socket.refs).toEqual(range(0, 5));
  });

  test('answers OVERLOADED in its place for each request past the limit', () => {
    const { socket, connection, totals, ping } = open();
    socket.buffered = BUFFERED_BYTES_MAX + 1;
    for (const ref of range(0, IN_FLIGHT_MAX + 3)) ping(ref);
    socket.buffered = 0;
    connection.drained();
    expect(socket.refs).toEqual(range(0, IN_FLIGHT_MAX + 3));
    expect(socket.sent.map(({ error }) => error?.code)).toEqual([
      ...range(0, IN_FLIGHT_MAX).map(() => undefined),
      'OVERLOADED',
      'OVERLOADED',
      'OVERLOADED',
    ]);
    expect(totals.single('overloaded')).toBe(3);
    expect(totals.errors('OVERLOADED')).toBe(3);
    ping(99);
    expect(socket.sent.at(-1)).toMatchObject({ ref: 99, time: expect.any(Number) });
  });

  test('answers OVERLOADED past the bytes that it may hold', () => {
    const { socket, connection, ping } = open();
    socket.buffered = BUFFERED_BYTES_MAX + 1;
    for (const ref of range(0, 4)) ping(ref, 'x'.repeat(130));
    socket.buffered = 0;
    connection.drained();
    expect(socket.sent.map(({ error }) => error?.code)).toEqual([undefined, undefined, 'OVERLOADED', 'OVERLOADED']);
  });

  test('closes a client that ignores OVERLOADED too, and lets go of what it held', () => {
    const { socket, connection, totals, ping } = open();
    socket.buffered = BUFFERED_BYTES_MAX + 1;
    for (const ref of range(0, 2 * IN_FLIGHT_MAX)) ping(ref);
    expect(socket.closedWith).toBeUndefined();
    ping(1000);
    expect(socket.closedWith).toBe(1013);
    expect(totals.single('closedSlow')).toBe(1);
    expect(totals.single('heldRequests')).toBe(0);
    socket.buffered = 0;
    connection.drained();
    ping(1001);
    expect(socket.sent).toEqual([]);
  });

  test('keeps the order behind an answer that is counted elsewhere', async () => {
    const { promise, resolve } = later();
    const { socket, send, ping, connection } = open({ supply: () => promise });
    ping(0);
    send({ op: 'supply', ref: 'supply' });
    ping(1);
    ping(2);
    expect(socket.refs).toEqual([0]);
    expect(connection.idle).toBe(false);
    resolve();
    await nextTurn();
    expect(socket.refs).toEqual([0, 'supply', 1, 2]);
    expect(connection.idle).toBe(true);
  });

  test('drops an answer that comes after its connection has gone', async () => {
    const { promise, resolve } = later();
    const { socket, send, ping, connection, totals } = open({ supply: () => promise });
    send({ op: 'supply', ref: 'supply' });
    ping(1);
    connection.ended();
    resolve();
    await nextTurn();
    expect(socket.sent).toEqual([]);
    expect(totals.single('heldRequests')).toBe(0);
  });

  test('closes with 1009 for a frame above the limit, 1007 for one that cannot be parsed', () => {
    const large = open();
    large.ping(0, 'x'.repeat(200));
    expect(large.socket.closedWith).toBe(1009);
    const broken = open();
    broken.connection.receive(new ArrayBuffer(3), false);
    expect(broken.socket.closedWith).toBe(1007);
  });

  test('closes with 1007 for a broken frame past the limit, too', () => {
    const { socket, connection, ping } = open();
    socket.buffered = BUFFERED_BYTES_MAX + 1;
    for (const ref of range(0, IN_FLIGHT_MAX)) ping(ref);
    connection.receive(new ArrayBuffer(3), false);
    expect(socket.closedWith).toBe(1007);
  });

  test('copies what it holds: the bytes of a frame are only lent', () => {
    const { socket, connection } = open();
    socket.buffered = BUFFERED_BYTES_MAX + 1;
    const bytes = packMessage({ op: 'ping', ref: 1 });
    const lent = new Uint8Array(bytes).buffer;
    connection.receive(lent, true);
    new Uint8Array(lent).fill(0xc1);
    socket.buffered = 0;
    socket.send = (message: Uint8Array | string) => socket.sent.push(message as unknown as object);
    connection.drained();
    expect(socket.closedWith).toBeUndefined();
    expect(socket.sent).toHaveLength(1);
  });
});

describe('a connection under pressure', () => {
  test('refuses what is large while the server is short of memory, in its place, and takes what is small', () => {
    let pressure: Pressure = 0;
    const { socket, totals, ping, send } = open({
      memory: {
        get pressure() {
          return pressure;
        },
        hasRoom: () => pressure === 0,
      },
    });
    ping(0);
    pressure = 1;
    ping(1);
    send({ op: 'within', bbox: [0, 0, 1, 1], ref: 2 });
    send({ op: 'multisearch', searches: [{ nearest: { lat: 1, lon: 1 } }], ref: 3 });
    ping(4);
    expect(socket.refs).toEqual([0, 1, 2, 3, 4]);
    expect(socket.sent.map(({ error }) => error?.code)).toEqual([
      undefined,
      undefined,
      'OVERLOADED',
      'OVERLOADED',
      undefined,
    ]);
    expect(totals.single('shed')).toBe(2);
  });

  test('holds nothing for which there is no memory, and is closed when there is not even room to say so', () => {
    let room = 100;
    const { socket, totals, connection, ping } = open({ memory: { pressure: 0, hasRoom: (bytes) => bytes <= room } });
    socket.buffered = BUFFERED_BYTES_MAX + 1;
    ping(0);
    expect(totals.single('heldRequests')).toBe(1);
    room = 20;
    ping(1);
    expect(socket.closedWith).toBe(1013);
    expect([connection.closed, totals.single('heldBytes'), totals.single('unsentBytes')]).toEqual([true, 0, 0]);
  });

  test('writes down what was slow: what was asked, and nobody', async () => {
    const lines: SlowRequest[] = [];
    const { send } = open({ slow: new SlowLog(1e-6, (line) => lines.push(line)) });
    send({ op: 'within', bbox: [0, 0, 1, 1], tags: ['free'], ref: 'w' });
    send({ op: 'driver', id: 'secret', ref: 7 });
    send({ op: 'nearest', lat: 1, lon: 1, k: 3 });
    // On a busy machine the first search takes the connection's whole turn of the thread.
    await vi.waitFor(() => expect(lines).toHaveLength(3));
    const micros = expect.any(Number);
    expect(lines).toEqual([
      { slow: true, op: 'within', transport: 'ws', micros, ref: 'w', area: 'bbox', limit: 100, tags: 1 },
      { slow: true, op: 'driver', transport: 'ws', micros, ref: 7, error: 'UNKNOWN_DRIVER' },
      { slow: true, op: 'nearest', transport: 'ws', micros, k: 3, radiusMeters: 5_000 },
    ]);
  });

  test('counts what its client has not taken, until it has, or is gone', () => {
    const { socket, totals, connection, ping } = open();
    socket.buffered = 700;
    ping(0);
    expect(totals.single('unsentBytes')).toBe(700);
    expect(connection.keptBytes).toBe(700);
    socket.buffered = 0;
    connection.drained();
    expect(totals.single('unsentBytes')).toBe(0);
    socket.buffered = 300;
    ping(1);
    connection.ended();
    expect(totals.single('unsentBytes')).toBe(0);
  });

  test('lets others go first when its requests have had their turn of the thread', async () => {
    const { socket, ping } = open();
    // Each takes 15 ms.
    let ms = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => ms);
    const send = socket.send.bind(socket);
    socket.send = (message) => {
      ms += 15;
      send(message);
    };
    for (const ref of range(0, 3)) ping(ref);
    expect(socket.refs).toEqual([0]);
    await nextTurn();
    expect(socket.refs).toEqual([0, 1]);
    await nextTurn();
    clock.mockRestore();
    expect(socket.refs).toEqual([0, 1, 2]);
  });

  test('goes on at once beside others that have used up the turn, as long as it asks for little', async () => {
    const turnQueue = new TurnQueue();
    const [greedy, modest] = [open({ turnQueue }), open({ turnQueue })];
    let ms = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => ms);
    const takes = ({ socket }: typeof greedy, each: number): void => {
      const send = socket.send.bind(socket);
      socket.send = (message) => {
        ms += each;
        send(message);
      };
    };
    takes(greedy, 0.6);
    takes(modest, 0.04);
    for (const ref of range(0, 4)) greedy.ping(ref);
    expect(greedy.socket.refs).toEqual([0, 1]);
    for (const ref of range(0, 4)) modest.ping(ref);
    // It had its share with the third.
    expect(modest.socket.refs).toEqual([0, 1, 2]);
    await nextTurn();
    clock.mockRestore();
    expect([greedy.socket.refs, modest.socket.refs]).toEqual([range(0, 4), [0, 1, 2]]);
    await nextTurn();
    expect(modest.socket.refs).toEqual([0, 1, 2, 3]);
  });

  test('does not wait for the end of the line when it has nothing left', async () => {
    const turnQueue = new TurnQueue();
    const [first, second] = [open({ turnQueue }), open({ turnQueue })];
    let ms = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => ms);
    for (const { socket } of [first, second]) {
      const send = socket.send.bind(socket);
      socket.send = (message) => {
        ms += 1.5;
        send(message);
      };
    }
    for (const ref of range(0, 3)) first.ping(ref);
    second.ping(0);
    await nextTurn();
    expect([first.socket.refs, second.socket.refs]).toEqual([[0, 1], [0]]);
    // It is the line's turn to wait: `first` stands before it there.
    second.ping(1);
    expect(second.socket.refs).toEqual([0, 1]);
  });
});
