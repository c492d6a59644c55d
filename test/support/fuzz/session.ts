// One session of fuzzing against a running server: rounds of frames over WebSocket and of requests over HTTP, some valid, most mutated, then a
// comparison of what the server holds with the model.
//
// What must never happen: no answer within ANSWER_MS, a connection that ends for no reason that the protocol has, INTERNAL, a 500, a server that
// is gone, drivers that differ from the model's.

import assert from 'node:assert/strict';
import { pack } from 'msgpackr';
import { WebSocket } from 'ws';
import { distanceMeters } from '../../../src/geo/distance.ts';
import { type Answer, type BootedServer, RawClient } from '../booted-server.ts';
import type { AnsweredDriver } from '../engines.ts';
import { RawSocket } from '../raw-socket.ts';
import { Model, settled } from './model.ts';
import { mutateBytes, mutateValue } from './mutate.ts';
import { Random } from './random.ts';
import { type HttpRequest, Requests } from './requests.ts';

/** Longer, and the server hangs; it has two cores and company. */
const ANSWER_MS = 20_000;
/** How long an answer to bytes is waited for that may be no whole request. */
const RAW_MS = 60;
const FRAMES_PER_ROUND = 25;
const HTTP_PER_ROUND = 6;
const ROUNDS_BESIDE_HTTP = 5;

export interface FuzzCounts {
  frames: number;
  broken: number;
  refused: number;
  requests: number;
  drivers: number;
  searches: number;
}

export class FuzzSession {
  readonly #server: BootedServer;
  readonly #random: Random;
  readonly #requests: Requests;
  readonly #model = new Model();
  readonly counts: FuzzCounts = { frames: 0, broken: 0, refused: 0, requests: 0, drivers: 0, searches: 0 };
  #other: Uint8Array = Buffer.from('{"op":"nearest","lat":37.5,"lon":-122.5,"k":3}');

  constructor(server: BootedServer, seed: number) {
    this.#server = server;
    this.#random = new Random(seed);
    this.#requests = new Requests(this.#random);
  }

  /** Rounds until the time is up, then the comparison. */
  async run(milliseconds: number): Promise<FuzzCounts> {
    const end = performance.now() + milliseconds;
    do {
      const requests = Array.from({ length: HTTP_PER_ROUND }, () => this.#http());
      for (let i = 0; i < ROUNDS_BESIDE_HTTP; i++) await this.#frames();
      await Promise.all(requests);
      if (this.#random.chance(0.3)) await this.#postFixes();
    } while (performance.now() < end);
    await this.#compare();
    return this.counts;
  }

  async #frames(): Promise<void> {
    const client = await RawClient.connect(this.#server);
    let mustEnd = false;
    for (let i = 0; i < FRAMES_PER_ROUND && !mustEnd; i++) {
      const { bytes, binary } = this.#frame(`f${i}`);
      mustEnd = this.#model.follow(bytes, binary) === 'ends';
      client.socket.send(bytes, { binary });
      this.counts.frames++;
    }
    if (mustEnd) {
      this.counts.broken++;
      assert.equal(await within(client.closed, 'a broken frame ends the connection'), 1007);
    } else {
      client.sendJson({ op: 'ping', ref: 'the last one' });
      const last = (): boolean => client.answers.some(({ ref }) => ref === 'the last one');
      while (!last() && client.socket.readyState === WebSocket.OPEN) {
        await within(client.until(client.answers.length + 1), 'a frame is answered');
      }
      assert(last(), 'the connection ended although no frame was broken');
    }
    for (const answer of client.answers) this.#check(answer);
    client.close();
  }

  #check(answer: Answer): void {
    assert(typeof answer === 'object' && answer !== null, 'an answer is a map');
    if (answer.error === undefined) return;
    this.counts.refused++;
    assert.notEqual(answer.error.code, 'INTERNAL');
    assert.match(answer.error.code, /^[A-Z_]+$/);
    assert(answer.error.message.length > 0 && answer.error.message.length < 1_000, answer.error.message);
  }

  #frame(ref: string): { bytes: Uint8Array; binary: boolean } {
    const random = this.#random;
    const binary = random.chance(0.6);
    let value: unknown = this.#requests.frame(ref);
    if (random.chance(0.45)) value = mutateValue(random, value);
    let bytes: Uint8Array = binary ? pack(value) : Buffer.from(JSON.stringify(value) ?? 'null');
    if (random.chance(0.08)) bytes = mutateBytes(random, bytes, this.#other);
    this.#other = bytes;
    // Text that is no UTF-8 ends below the protocol.
    return { bytes: binary ? bytes : Buffer.from(Buffer.from(bytes).toString()), binary };
  }

  /** Fixes over HTTP: the body is mutated, the rest is as it should be, so that the model can follow. */
  async #postFixes(): Promise<void> {
    const bytes = pack(this.#requests.fixes());
    const body = this.#random.chance(0.5) ? mutateBytes(this.#random, bytes, this.#other) : bytes;
    const headers = { 'content-type': 'application/msgpack' };
    const sent = fetch(`${this.#server.url}/v1/locations`, { method: 'POST', headers, body: new Uint8Array(body) });
    const response = await within(sent, 'fixes are answered');
    const answer = (await response.json()) as Answer & { rejected?: object[] };
    this.#check(answer);
    assert(response.status === 200 || (response.status >= 400 && response.status < 500), `status ${response.status}`);
    if (response.status !== 200) return;
    // A map is one fix, an array a list of them (src/protocol/bodies.ts).
    const head = body[0] as number;
    const isMap = (head & 0xf0) === 0x80 || head === 0xde || head === 0xdf;
    this.#model.apply(isMap ? Buffer.concat([Buffer.from([0x91]), body]) : body);
  }

  async #http(): Promise<void> {
    const random = this.#random;
    const request = this.#requests.http();
    const whole = wireOf(random.chance(0.7) ? this.#mutated(request) : request);
    const isWholeRequest = random.chance(0.8);
    const bytes = isWholeRequest ? whole : mutateBytes(random, whole, this.#other);
    const raw = await RawSocket.connect(this.#server.port);
    this.counts.requests++;
    await raw.write(bytes);
    const answered = new Promise<void>((resolve) => {
      const look = (): void => {
        if (isWhole(raw.received)) resolve();
      };
      raw.socket.on('data', look);
      look();
    });
    // The server may wait for the rest of what was cut short, until its deadline, or this side's end.
    const impatient = isWholeRequest ? undefined : setTimeout(() => raw.socket.end(), RAW_MS);
    await within(
      Promise.race([answered, raw.closed]),
      `a request is answered: ${JSON.stringify(bytes.toString('latin1'))}`,
    );
    clearTimeout(impatient);
    raw.close();
    if (raw.received === '') return;
    const status = Number(/^HTTP\/1.1 (\d{3})/.exec(raw.received)?.[1]);
    // 505 is the socket library's answer to a broken version.
    const isServerFault = status >= 500 && ![501, 503, 505].includes(status);
    assert(!isServerFault && !Number.isNaN(status), `${raw.received.slice(0, 300)} for ${bytes.toString('latin1')}`);
  }

  #mutated(request: HttpRequest): HttpRequest {
    const random = this.#random;
    switch (random.below(4)) {
      case 0:
        // No space and no line end, which would make it another request line.
        return { ...request, target: textOf(mutateBytes(random, Buffer.from(request.target), this.#other)) || '/' };
      case 1: {
        const names = [
          'accept',
          'content-type',
          'if-match',
          'content-encoding',
          'authorization',
          'traceparent',
          'origin',
        ];
        const values = [
          'application/msgpack',
          '*',
          '"1"',
          'gzip',
          'text/plain; charset=latin1',
          '',
          '00-zz',
          'Bearer x',
        ];
        return { ...request, headers: { ...request.headers, [random.pick(names)]: random.pick(values) } };
      }
      case 2:
        if (request.body.length > 0) {
          const value = mutateValue(random, JSON.parse(Buffer.from(request.body).toString()));
          if (random.chance(0.5)) return { ...request, body: Buffer.from(JSON.stringify(value) ?? '') };
          return { ...request, headers: { 'content-type': 'application/msgpack' }, body: pack(value) };
        }
        return { ...request, method: random.pick(['HEAD', 'OPTIONS', 'PATCH', 'PUT', 'get', 'X']) };
      default:
        return { ...request, body: mutateBytes(random, request.body, this.#other) };
    }
  }

  /** The server holds what the model does, and searches find the same. */
  async #compare(): Promise<void> {
    const metrics = await (await fetch(`${this.#server.url}/metrics`)).text();
    assert.match(metrics, /^raziel_errors_total\{code="INTERNAL"\} 0$/m);
    assert.doesNotMatch(this.#server.log(), /"level":(?:50|60)/);
    const client = await RawClient.connect(this.#server);
    const held = this.#model.held();
    const all = await client.ask({ op: 'within', bbox: [-180, -90, 180, 90], limit: 10_000 });
    const drivers = all['drivers'] as AnsweredDriver[];
    const got = new Map(drivers.map((driver) => [driver.id, settled(driver)]));
    for (const [id, driver] of held) assert.deepEqual(got.get(id), driver, `driver ${JSON.stringify(id)}`);
    this.counts.drivers = held.size;
    const expiring = new Set([...got.keys()].filter((id) => !held.has(id)));
    for (const id of expiring) assert(this.#model.world.driver(id) !== undefined, `${JSON.stringify(id)} is not held`);
    for (let i = 0; i < 100; i++) {
      const [lat, lon, k] = [this.#requests.lat(), this.#requests.lon(), 1 + this.#random.below(40)];
      const tags = this.#random.chance(0.5) ? { tags: [this.#random.pick(['free', 'é'])] } : {};
      const found = await client.ask({ op: 'nearest', lat, lon, k, radius: 1_000_000, ...tags });
      const expected = this.#model.world.nearest(lat, lon, { k, radiusMeters: 1_000_000, ...tags });
      const distances = (of: readonly AnsweredDriver[]): number[] =>
        of.filter(({ id }) => !expiring.has(id)).map((driver) => distanceMeters(lat, lon, driver.lat, driver.lon));
      const there = distances(found['drivers'] as AnsweredDriver[]);
      const wanted = distances(expected.drivers);
      if (expiring.size === 0) assert.equal(there.length, wanted.length, `nearest ${k} to ${lat},${lon}`);
      for (let n = 0; n < Math.min(there.length, wanted.length) && expiring.size === 0; n++) {
        assert(Math.abs((there[n] as number) - (wanted[n] as number)) < 0.001, `nearest ${k} to ${lat},${lon}`);
      }
      this.counts.searches++;
    }
    client.close();
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('latin1')
    .replaceAll(/[\r\n ]/g, '');
}

function wireOf({ method, target, headers, body }: HttpRequest): Buffer {
  const all = { host: '127.0.0.1', ...headers, ...(body.length > 0 ? { 'content-length': String(body.length) } : {}) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1'), body]);
}

/** Whether all of a response has come. */
function isWhole(received: string): boolean {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const head = received.slice(0, end);
  if (/^HTTP\/1.1 (?:204|101)/.test(head)) return true;
  const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? Number.NaN);
  // A response without a length is one without a body, or one that ends with its connection.
  return Number.isNaN(length) ? false : received.length >= end + 4 + length || received.length === end + 4;
}

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ANSWER_MS} ms: ${what}`)), ANSWER_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
