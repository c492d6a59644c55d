// Travel times of a service, in process: what the system tests (eta-services.test.ts) cannot bring about at will.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RemoteTimes } from '../../../src/eta/http/remote-times.ts';
import { type EtaService, readEtaService } from '../../../src/eta/http/service-url.ts';
import { allocateTraffic } from '../../../src/eta/traffic.ts';
import { LearnedTimes, type Origins } from '../../../src/eta/travel-times.ts';
import { ETA_ASKED_MAX } from '../../../src/limits.ts';
import { untracedCall } from '../../../src/tracing/call.ts';
import { traced } from '../../support/traced.ts';

let server: Server;
let sockets: Socket[];
let counted: string[];
let times: RemoteTimes;
/** Sources of each request. */
let asked: number[];
let urlLength: number;
/** Answers wait for it. */
let waits: Promise<void> | undefined;
let onRequest: (socket: Socket) => void;

/** For a thread of its own: tells its port, and answers for one driver. */
const SERVER = `
  const server = require('node:http').createServer((_, response) => response.end('{"code":"Ok","durations":[[7]]}'));
  server.listen(0, '127.0.0.1', () => require('node:worker_threads').parentPort.postMessage(server.address().port));
`;

beforeEach(async () => {
  sockets = [];
  counted = [];
  asked = [];
  onRequest = () => {};
  waits = undefined;
  server = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
    const count = (new URL(request.url ?? '', 'http://x').searchParams.get('sources') ?? '').split(';').length;
    asked.push(count);
    urlLength = request.url?.length ?? 0;
    onRequest(request.socket);
    if (request.socket.destroyed) return;
    await waits;
    response.end(JSON.stringify({ code: 'Ok', durations: Array.from({ length: count }, (_, i) => [i]) }));
  });
  server.on('connection', (socket) => sockets.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  times = open((server.address() as AddressInfo).port, 5_000);
});

function open(port: number, deadlineMs: number): RemoteTimes {
  return new RemoteTimes(
    {
      service: readEtaService(`osrm:http://127.0.0.1:${port}`) as EtaService,
      learned: new LearnedTimes(allocateTraffic()),
      deadlineMs,
      connectionsMax: 1,
      observer: { searched: (outcome) => counted.push(outcome), waiting: () => {}, breaker: () => {} },
      report: () => {},
    },
    traced().services,
  );
}

afterEach(async () => {
  times.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** The last is the nearest. */
function origins(count: number): Origins {
  const at = (row: number): number => 1_000 + count - row;
  return {
    count,
    lat: () => 37.8,
    lon: () => -122.4,
    distance: at,
    heading: () => Number.NaN,
    speed: () => Number.NaN,
  };
}

async function ask(count: number, of = times) {
  const seconds = new Float64Array(count);
  const estimate = await of.estimate(origins(count), 37.77, -122.42, 0, seconds, untracedCall());
  return { seconds, ...(typeof estimate === 'string' ? { source: estimate } : estimate) };
}

describe('a service of travel times', () => {
  test('is asked again when a kept connection ends as something is sent over it', async () => {
    expect((await ask(1)).source).toBe('osrm');
    onRequest = (socket) => {
      onRequest = () => {};
      socket.resetAndDestroy();
    };
    expect((await ask(1)).source).toBe('osrm');
    expect(sockets).toHaveLength(2);
    expect(asked).toHaveLength(3);
    expect(counted).toEqual(['answered', 'answered']);
  });

  test('is asked once more only', async () => {
    await ask(1);
    onRequest = (socket) => socket.resetAndDestroy();
    expect((await ask(1)).source).toBe('learned');
    expect(asked).toHaveLength(3);
    expect(counted).toEqual(['answered', 'unreachable']);
  });

  test('is asked about the nearest of very many drivers, and what was learned about the others', async () => {
    const { seconds, source, unanswered } = await ask(ETA_ASKED_MAX + 7);
    expect(asked).toEqual([ETA_ASKED_MAX]);
    expect(urlLength).toBeLessThan(8_000);
    expect(source).toBe('osrm');
    expect(unanswered?.indexOf(0)).toBe(7);
    expect(unanswered?.slice(7).every((flag) => flag === 0)).toBe(true);
    // The nearest, which is the last, was the first asked for.
    expect(seconds.at(-1)).toBe(0);
    expect(seconds[7]).toBe(ETA_ASKED_MAX - 1);
    expect(seconds[0]).toBeGreaterThan(0);
    expect(counted).toEqual(['partial']);
  });

  test('is not asked about no drivers', async () => {
    expect((await ask(0)).source).toBe('learned');
    expect(asked).toEqual([]);
    expect(counted).toEqual([]);
  });

  test('that is late has its connection there for the next search all the same', async () => {
    const impatient = open((server.address() as AddressInfo).port, 50);
    let release: (() => void) | undefined;
    waits = new Promise((resolve) => {
      release = resolve;
    });
    expect((await ask(1, impatient)).source).toBe('learned');
    expect(counted).toEqual(['late']);
    release?.();
    waits = undefined;
    // The next waits for the only connection.
    let answered = '';
    while (answered !== 'osrm') answered = (await ask(1, impatient)).source;
    expect(sockets).toHaveLength(1);
    impatient.close();
  });

  test('is not taken to be late when it was this thread that had no time', async () => {
    const worker = new Worker(SERVER, { eval: true });
    const [port] = (await once(worker, 'message')) as [number];
    const busy = open(port, 100);
    while ((await ask(1, busy)).source !== 'osrm');
    const estimate = ask(1, busy);
    await new Promise((resolve) => setImmediate(resolve));
    // Sent; its answer comes while nobody looks.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
    expect((await estimate).source).toBe('osrm');
    busy.close();
    await worker.terminate();
  });

  test('leaves nothing waiting when it is closed', async () => {
    onRequest = () => times.close();
    expect((await ask(1)).source).toBe('learned');
    expect(counted).toEqual(['unreachable']);
  });
});
