// What tracing costs a nearest query: the frames of queries go through a connection and the native engine, once with one request in a hundred
// recorded and once with none, in turns of a few milliseconds on the same engine in the same process. Two servers beside each other differ
// by more than this, each time that they are started. What the tracing thread does with the spans is done here, too, in the time of those that
// are recorded; the socket is left out, so that the share is the larger.
// Runs as a task of its own process: {drivers, seed, rounds} → ratio and nanoseconds.

import { pack } from 'msgpackr';
import { Grant } from '#dist/access/grant.js';
import { nowMs } from '#dist/clock.js';
import { allocateIds, IdGenerator } from '#dist/ids/generator.js';
import type { NativeEngine } from '#dist/drivers/native.js';
import {
  BATCH_FIXES_MAX_DEFAULT,
  FRAME_BYTES_MAX_DEFAULT,
  HELD_BYTES_PER_CONNECTION_DEFAULT,
  IN_FLIGHT_PER_CONNECTION_DEFAULT,
  K_DEFAULT,
  RADIUS_METERS_DEFAULT,
  TRACE_SLOW_MS_DEFAULT,
  TRACE_SPANS_MAX_DEFAULT,
} from '#dist/limits.js';
import { allocateCounters, Counters } from '#dist/metrics/counters.js';
import { EndpointStats } from '#dist/metrics/endpoint-stats.js';
import { AMPLE_ROOM } from '#dist/overload/memory-guard.js';
import { NO_SLOW_LOG } from '#dist/overload/slow-log.js';
import { Reply } from '#dist/service/reply.js';
import { Service } from '#dist/service/service.js';
import { Services } from '#dist/services/services.js';
import { SpanRing } from '#dist/tracing/ring.js';
import { SpanSource } from '#dist/tracing/source.js';
import { SpanStore } from '#dist/tracing/store.js';
import { allocateTraffic } from '#dist/eta/traffic.js';
import { LearnedTimes } from '#dist/eta/travel-times.js';
import { Strings } from '#dist/tracing/strings.js';
import { Tracer } from '#dist/tracing/tracer.js';
import { Connection } from '#dist/transport/connection.js';
import { HotFrames } from '#dist/transport/hot-frames.js';
import { RequestTraces } from '#dist/transport/request-traces.js';
import { PortableLookups } from '#dist/zoning/portable-lookups.js';
import { answerTask } from '../../lib/processes.ts';
import { median } from '../../lib/statistics.ts';
import { TurnQueue } from '#dist/transport/turn-queue.js';
import { Fleet, openEngine } from '../drivers/setup.ts';

export interface OverheadTask {
  readonly drivers: number;
  readonly seed: number;
  readonly rounds: number;
}

export interface OverheadResult {
  /** Queries a second with one in a hundred recorded over those with none. */
  readonly ratio: number;
  /** A query, none recorded. */
  readonly nanoseconds: number;
  readonly recorded: number;
}

/** Fewer than a connection takes before others have their turn: 20 ms. */
const QUERIES = 500;
const RATE = 0.01;
const WARM_UP_ROUNDS = 40;

/** A connection of a serving thread that records a share of its requests, and the collector of what it records. */
class Lane {
  readonly #connection: Connection;
  readonly #hot: HotFrames;
  readonly #ring = new SpanRing();
  readonly #strings = new Strings();
  readonly #store = new SpanStore(TRACE_SPANS_MAX_DEFAULT);
  readonly #source = new SpanSource({ ring: this.#ring.shared, strings: this.#strings.shared }, 'bench');
  #answers = 0;
  recorded = 0;
  /** What the last run took. */
  lastMs = 0;

  constructor(engine: NativeEngine, ids: IdGenerator, rate: number) {
    const slowMs = rate > 0 ? TRACE_SLOW_MS_DEFAULT : Number.POSITIVE_INFINITY;
    const tracer = new Tracer(this.#ring, this.#strings, { rate, slowMs, nextId: () => ids.next() });
    const services = new Services(tracer, new EndpointStats());
    const learned = new LearnedTimes(allocateTraffic());
    const service = new Service(
      engine,
      new Reply(),
      { batchFixesMax: BATCH_FIXES_MAX_DEFAULT },
      () => Promise.reject(new Error('not asked for')),
      () => {},
      new PortableLookups(),
      ids,
      services,
      { learned, times: learned, overfetch: 1 },
    );
    const socket = {
      send: () => {
        this.#answers++;
      },
      getBufferedAmount: () => 0,
      end: (code: number, reason: string) => {
        throw new Error(`the connection was closed: ${code} ${reason}`);
      },
      cork: (work: () => void) => work(),
    };
    const counters = new Counters(allocateCounters(1), 0);
    const webSocketTraces = new RequestTraces(tracer, 'websocket');
    this.#hot = new HotFrames({ answerer: engine, service, counters, webSocketTraces, slow: NO_SLOW_LOG });
    const context = {
      service,
      hot: this.#hot,
      counters,
      webSocketTraces,
      limits: {
        frameBytesMax: FRAME_BYTES_MAX_DEFAULT,
        inFlightMax: IN_FLIGHT_PER_CONNECTION_DEFAULT,
        heldBytesMax: HELD_BYTES_PER_CONNECTION_DEFAULT,
      },
      report: (error: unknown) => {
        throw error;
      },
      audit: () => {},
      memory: AMPLE_ROOM,
      slow: NO_SLOW_LOG,
      turnQueue: new TurnQueue(),
      durable: undefined,
    };
    this.#connection = new Connection(socket, context, { grant: new Grant(undefined), remoteAddress: '' });
  }

  /** Answers the queries and collects their spans. @throws Error unless every one was answered */
  async run(queries: readonly ArrayBuffer[]): Promise<void> {
    this.#answers = 0;
    const startedAt = performance.now();
    for (const query of queries) this.#connection.receive(query, true);
    this.#hot.flush();
    this.recorded += this.#source.drain(this.#store, undefined);
    this.lastMs = performance.now() - startedAt;
    // A connection that has had its turn goes on in the next one; that is not counted.
    while (this.#answers < queries.length) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

await answerTask(async ({ drivers, seed, rounds }: OverheadTask): Promise<OverheadResult> => {
  const engine = openEngine();
  const fleet = new Fleet(drivers, seed);
  // Connections ask the server's clock.
  fleet.nowMs = Math.round(nowMs());
  fleet.load(engine);
  const frames = Array.from({ length: QUERIES * 20 }, (_, ref) => {
    const [lat, lon] = fleet.world.placeToAsk();
    const bytes = pack({ op: 'nearest', ref, lat, lon, k: K_DEFAULT, radius: RADIUS_METERS_DEFAULT });
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  });

  const ids = new IdGenerator(allocateIds(), 0, 0, nowMs);
  const without = new Lane(engine, ids, 0);
  const traced = new Lane(engine, ids, RATE);
  const ratios: number[] = [];
  const nanoseconds: number[] = [];
  for (let round = 0; round < rounds + WARM_UP_ROUNDS; round++) {
    const from = (round * QUERIES) % frames.length;
    const queries = frames.slice(from, from + QUERIES);
    // Whoever comes second finds the way to the drivers in the caches. So each comes first as often, and the second time counts.
    for (const lane of round % 2 === 0 ? [without, traced] : [traced, without]) await lane.run(queries);
    const [a, b] = round % 2 === 0 ? [without, traced] : [traced, without];
    await a.run(queries);
    await b.run(queries);
    if (round < WARM_UP_ROUNDS) continue;
    ratios.push(without.lastMs / traced.lastMs);
    nanoseconds.push((without.lastMs * 1e6) / QUERIES);
  }
  engine.close();
  return { ratio: median(ratios), nanoseconds: median(nanoseconds), recorded: traced.recorded };
});
