// The short way of hot frames beside the long way: the same answers, in the same order, whatever is staged together.

import * as fc from 'fast-check';
import { pack, Packr } from 'msgpackr';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Grant } from '../../../src/access/grant.ts';
import { loadNative, type NativeEngine, openNativeEngine } from '../../../src/drivers/native.ts';
import { allocateTraffic } from '../../../src/eta/traffic.ts';
import { LearnedTimes } from '../../../src/eta/travel-times.ts';
import { allocateIds, IdGenerator } from '../../../src/ids/generator.ts';
import { allocateCounters, Counters, CounterTotals } from '../../../src/metrics/counters.ts';
import { AMPLE_ROOM } from '../../../src/overload/memory-guard.ts';
import { NO_SLOW_LOG } from '../../../src/overload/slow-log.ts';
import { unpackMessage } from '../../../src/protocol/codec.ts';
import { Reply } from '../../../src/service/reply.ts';
import { Service } from '../../../src/service/service.ts';
import { BUFFERED_BYTES_MAX, Connection } from '../../../src/transport/connection.ts';
import { HotFrames, STAGED_FRAME_BYTES_MAX } from '../../../src/transport/hot-frames.ts';
import { RequestTraces } from '../../../src/transport/request-traces.ts';
import { NativeZones } from '../../../src/zones/native.ts';
import { nativePublication } from '../../../src/zones/native-publication.ts';
import { ZoneStore } from '../../../src/zones/store.ts';
import { nativeLookups } from '../../../src/zoning/lookups.ts';
import { OPTIONS, reportMissingNative } from '../../support/engines.ts';
import { TurnQueue } from '../../../src/transport/turn-queue.ts';
import { traced } from '../../support/traced.ts';

const SEED = 7_400;
const native = loadNative();
const short = new Packr({ useRecords: false, variableMapSize: true });

type Answered = Record<string, unknown>;

/** What is different at each time is made equal. */
function withoutTimes(bytes: Uint8Array): Answered {
  const answer = unpackMessage(bytes) as Answered;
  return JSON.parse(JSON.stringify(answer), (key, value: unknown) =>
    ['age', 'tookMicros', 'time', 'traceId'].includes(key) ? 0 : value,
  ) as Answered;
}

if (!native.ok) describe('hot frames', reportMissingNative);

describe.runIf(native.ok)('hot frames', () => {
  let engine: NativeEngine;
  let zones: NativeZones;
  let service: Service;
  let tracer: ReturnType<typeof traced>['tracer'];
  let hot: HotFrames;
  let shared: SharedArrayBuffer;

  beforeAll(async () => {
    engine = openNativeEngine(OPTIONS);
    zones = new NativeZones();
    engine.useZones({ handle: zones.handle, shape: () => undefined });
    const square = [0, 2, 2, 0, 0].map((x, i) => [x, [0, 0, 2, 2, 0][i]]);
    const feature = { type: 'Feature', id: 'z', properties: {}, geometry: { type: 'Polygon', coordinates: [square] } };
    const layer = Buffer.from(JSON.stringify({ type: 'FeatureCollection', features: [feature] }));
    await new ZoneStore(nativePublication(zones)).put('ab', layer);
  });
  afterAll(() => {
    engine.close();
    zones.close();
  });

  beforeEach(() => {
    // A machine that is busy elsewhere would otherwise use up a connection's turn of the thread.
    let ms = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => {
      ms += 1e-4;
      return ms;
    });
    onTestFinished(() => {
      vi.restoreAllMocks();
    });
    for (let i = 0; i < 20; i++) engine.remove(`d${i}`, Date.now());
    const { tracer: made, services } = traced();
    tracer = made;
    const learned = new LearnedTimes(allocateTraffic());
    shared = allocateCounters(1);
    const counters = new Counters(shared, 0);
    const ids = new IdGenerator(allocateIds(), 0, 0, Date.now);
    service = new Service(
      engine,
      new Reply(),
      { batchFixesMax: 10 },
      () => Promise.reject(new Error('not in this test')),
      () => {},
      nativeLookups(zones),
      ids,
      services,
      { learned, times: learned, overfetch: 3 },
    );
    const webSocketTraces = new RequestTraces(tracer, 'websocket');
    hot = new HotFrames({ answerer: engine, service, counters, webSocketTraces, slow: NO_SLOW_LOG });
  });

  class Client {
    readonly answers: Answered[] = [];
    buffered = 0;
    closedWith: number | undefined;
    readonly connection: Connection;

    constructor(isHot: boolean, inFlightMax = 10) {
      const socket = {
        send: (bytes: Uint8Array | string) => this.answers.push(withoutTimes(bytes as Uint8Array)),
        getBufferedAmount: () => this.buffered,
        end: (code: number) => {
          this.closedWith = code;
        },
        cork: (work: () => void) => work(),
      };
      const context = {
        service,
        hot: isHot ? hot : undefined,
        counters: new Counters(shared, 0),
        webSocketTraces: new RequestTraces(tracer, 'websocket'),
        limits: { frameBytesMax: 100_000, inFlightMax, heldBytesMax: 1_000_000 },
        memory: AMPLE_ROOM,
        turnQueue: new TurnQueue(),
        durable: undefined,
        slow: NO_SLOW_LOG,
        report: (error: unknown) => {
          throw error;
        },
        audit: () => {},
      };
      this.connection = new Connection(socket, context, { grant: new Grant(undefined), remoteAddress: '' });
    }

    send(...requests: object[]): void {
      for (const request of requests) this.sendBytes(pack(request));
    }
    sendBytes(bytes: Uint8Array): void {
      this.connection.receive(Uint8Array.from(bytes).buffer, true);
    }
    get refs(): unknown[] {
      return this.answers.map(({ ref }) => ref);
    }
  }

  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const near = (ref: number) => ({ op: 'nearest', ref, lat: 1, lon: 1 });
  const fixOf = (id: string) => ({ op: 'locations', ref: id, batch: [{ id, lat: 1, lon: 1 }] });
  const idsOf = (answer: Answered) => (answer['drivers'] as { id: string }[]).map(({ id }) => id);

  test('are answered together at the end of the turn, each connection in order', async () => {
    const [one, other] = [new Client(true), new Client(true)];
    const answerFrames = vi.spyOn(engine, 'answerFrames');
    one.send(near(1), near(2));
    other.send(near(3));
    one.send({ op: 'zonesAt', ref: 4, lat: 1, lon: 1 });
    expect(one.connection.idle).toBe(false);
    await turn();
    expect(answerFrames).toHaveBeenCalledTimes(1);
    answerFrames.mockRestore();
    expect([one.refs, other.refs]).toEqual([[1, 2, 4], [3]]);
    expect(one.connection.idle).toBe(true);
    const totals = new CounterTotals(shared);
    expect([totals.requests('nearest', 'ws'), totals.requests('zonesAt', 'ws')]).toEqual([3, 1]);
  });

  test('take effect in order with frames that are not hot, with large ones and with text', async () => {
    const client = new Client(true);
    client.send(fixOf('d1'), near(1), { op: 'remove', ref: 'remove', id: 'd1' }, near(2));
    client.send({ ...fixOf('d2'), pad: 'x'.repeat(STAGED_FRAME_BYTES_MAX) }, near(3));
    client.send({ op: 'locations', ref: 'bad', batch: [{ id: 'd3', lat: 1, lon: 1 }, { lat: 1 }] }, near(4));
    await turn();
    expect(client.refs).toEqual(['d1', 1, 'remove', 2, 'd2', 3, 'bad', 4]);
    const found = client.answers.filter(({ drivers }) => drivers !== undefined).map(idsOf);
    expect(found).toEqual([['d1'], [], ['d2'], ['d2', 'd3']]);
    expect(client.answers[6]).toMatchObject({ accepted: 1, rejected: [{ index: 1, code: 'BAD_ID' }] });
  });

  test('wait while the client does not read, and others are answered meanwhile', async () => {
    const [slow, quick] = [new Client(true), new Client(true)];
    slow.buffered = BUFFERED_BYTES_MAX + 1;
    slow.send(near(1), near(2));
    quick.send(near(3));
    await turn();
    expect([slow.refs, quick.refs]).toEqual([[], [3]]);
    slow.buffered = 0;
    slow.connection.drained();
    expect(slow.refs).toEqual([1, 2]);
  });

  test('of a connection that is gone are forgotten, and a broken one closes it', async () => {
    const [gone, broken] = [new Client(true), new Client(true)];
    gone.send(near(1));
    broken.sendBytes(Uint8Array.of(0xc1));
    broken.send(near(2));
    gone.connection.ended();
    const answerFrames = vi.spyOn(engine, 'answerFrames');
    await turn();
    const asked = answerFrames.mock.calls.length;
    const late = new Client(true);
    late.send(near(3));
    late.connection.ended();
    await turn();
    // With all of them gone the engine may be closed, and is not asked.
    expect(answerFrames).toHaveBeenCalledTimes(asked);
    answerFrames.mockRestore();
    expect([gone.refs, broken.refs, broken.closedWith]).toEqual([[], [], 1007]);
  });

  test('of which very many come at once are all answered', async () => {
    const client = new Client(true, 3_000);
    const refs = Array.from({ length: 3_000 }, (_, ref) => ref);
    for (const ref of refs) client.send(near(ref));
    for (let left = 100; client.answers.length < refs.length && left > 0; left--) await turn();
    expect(client.refs).toEqual(refs);
  });

  test('none of which is hot are looked at a bounded number of times', async () => {
    const clients = [new Client(true), new Client(true)];
    const looked = clients.map((client) => vi.spyOn(client.connection, 'isBlocked'));
    const count = 1_000;
    for (let ref = 0; ref < count; ref++) clients[ref % 2]?.send({ op: 'ping', ref });
    hot.flush();
    for (let left = 100; left > 0 && clients.some(({ answers }) => answers.length < count / 2); left--) await turn();
    expect(clients.map(({ answers }) => answers.length)).toEqual([count / 2, count / 2]);
    expect(looked.reduce((sum, spy) => sum + spy.mock.calls.length, 0)).toBeLessThan(10 * count);
  });

  test('with answers larger than the buffer make it grow', async () => {
    const client = new Client(true);
    const ids = Array.from({ length: 20 }, (_, i) => `d${i}`);
    const tags = Array.from({ length: 30 }, (_, i) => `tag-${i}`.padEnd(64, 'x'));
    for (const id of ids)
      client.send({ op: 'locations', batch: [{ id, lat: 1, lon: 1, tags: tags.slice(0, 5) }], ack: 'none' });
    for (const [i, id] of ids.entries())
      engine.apply(pack([[id, 1, 1, null, 0, 0, 0, tags.slice(i % 5)]]), Date.now() + 1000, 10);
    for (let ref = 0; ref < 10; ref++) client.send({ ...near(ref), k: 20 });
    await turn();
    expect(client.refs).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const answer of client.answers) expect(idsOf(answer)).toHaveLength(20);
  });

  const HERE = { lat: 1, lon: 1, ref: 300 };
  const bases = [
    { op: 'nearest', ...HERE, k: 3, radius: 4000, tags: ['free'] },
    { op: 'nearest', ...HERE, maxAge: 100, anyTags: ['a', 'b'], notTags: ['c'] },
    { op: 'zonesAt', ...HERE, layer: 'ab' },
    { op: 'zonesAt', lat: -90, lon: 180, ref: 'r' },
  ];

  test(`of which any bytes are changed are answered as the long way answers them (seed ${SEED})`, () => {
    const frames = bases.flatMap((base) => [pack(base), short.pack(base)]);
    const change = fc.tuple(fc.constantFrom(...frames), fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat({ max: 4 }));
    engine.apply(pack([['d1', 1, 1, null, 0, 0, 0, ['free', 'a']]]), Date.now(), 10);
    fc.assert(
      fc.property(change, ([base, at, byte, cut]) => {
        const bytes = cut === 0 ? base.slice(0, at % base.length) : Uint8Array.from(base);
        if (cut === 1) bytes[at % bytes.length] = byte;
        const [quick, long] = [new Client(true), new Client(false)];
        quick.sendBytes(bytes);
        hot.flush();
        long.sendBytes(bytes);
        expect(quick.answers).toEqual(long.answers);
        expect(quick.closedWith).toBe(long.closedWith);
      }),
      { seed: SEED, numRuns: 5_000 },
    );
  });

  test.each(bases)('such as %o take the short way', (base) => {
    const answerTheLongWay = vi.spyOn(Connection.prototype, 'answerTheLongWay');
    const client = new Client(true);
    client.send(base);
    hot.flush();
    expect(client.answers).toHaveLength(1);
    expect(answerTheLongWay).not.toHaveBeenCalled();
    answerTheLongWay.mockRestore();
  });
});
