// How long one search for the nearest ten takes, from its arguments to the encoded answer, each call timed by itself with everything that
// it does: `search` as HTTP and JSON requests use it, and `answerFrame` as WebSocket frames do. Some answers are compared with brute force.
// Runs as a task of its own process: {drivers, seed, queries, rounds} → microseconds.

import { pack, unpack } from 'msgpackr';
import { K_DEFAULT, RADIUS_METERS_DEFAULT } from '#dist/limits.js';
import type { NativeEngine } from '#dist/drivers/native.js';
import { distanceMeters } from '#dist/geo/distance.js';
import { answerTask } from '../../lib/processes.ts';
import { median, percentile } from '../../lib/statistics.ts';
import type { World } from '../../lib/world.ts';
import { Fleet, openEngine } from './setup.ts';

export interface NearestTask {
  readonly drivers: number;
  readonly seed: number;
  readonly queries: number;
  readonly rounds: number;
}

export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

export interface NearestResult {
  readonly search: Latency;
  readonly frame: Latency;
  /** Two readings of the clock with nothing between. */
  readonly clock: number;
  readonly replyBytes: number;
}

const LAPS = 2;
const COMPARED = 5;
/** How old the fixes are when they are asked for: an age that takes as many bytes as most do. */
const AGE_MS = 1_234;
const reply = { bytes: new Uint8Array(64 * 1024) };

await answerTask(({ drivers, seed, queries, rounds }: NearestTask): NearestResult => {
  const fleet = new Fleet(drivers, seed);
  const engine = openEngine();
  fleet.load(engine);
  for (let lap = 0; lap < LAPS; lap++) {
    fleet.drive();
    fleet.apply(engine);
  }
  for (let i = 0; i < 100; i++) engine.sweep(fleet.nowMs);

  const nowMs = fleet.nowMs + AGE_MS;
  const places = Array.from({ length: queries }, () => fleet.world.placeToAsk());
  for (const [lat, lon] of places.slice(0, COMPARED)) compare(engine, fleet.world, lat, lon, nowMs);

  let replyBytes = 0;
  const search = (place: readonly [number, number]): void => {
    const query = {
      kind: 'nearest',
      lat: place[0],
      lon: place[1],
      k: K_DEFAULT,
      radiusMeters: RADIUS_METERS_DEFAULT,
    } as const;
    replyBytes += engine.search(query, nowMs, undefined, reply, 0);
  };
  const frames = places.map(([lat, lon], ref) => {
    return new Uint8Array(pack({ op: 'nearest', ref, lat, lon, k: K_DEFAULT, radius: RADIUS_METERS_DEFAULT }));
  });
  const answer = (frame: Uint8Array): void => {
    engine.answerFrame(frame, nowMs, 1, 3, reply);
    if ((engine.frameRows[0] as number) <= 0) throw new Error('a nearest frame was not answered');
  };

  timeEach(places, search, 1);
  timeEach(frames, answer, 1);
  replyBytes = 0;
  const searchLatency = timeEach(places, search, rounds);
  const result = {
    search: searchLatency,
    frame: timeEach(frames, answer, rounds),
    clock: timeEach(places, () => {}, 1).p50,
    replyBytes: replyBytes / (queries * rounds),
  };
  engine.close();
  return result;
});

/** The median over the rounds of each percentile, microseconds. */
function timeEach<T>(inputs: readonly T[], work: (input: T) => void, rounds: number): Latency {
  const micros = new Float64Array(inputs.length);
  const latencies: Latency[] = [];
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < inputs.length; i++) {
      const startedAt = performance.now();
      work(inputs[i] as T);
      micros[i] = (performance.now() - startedAt) * 1000;
    }
    micros.sort();
    latencies.push({ p50: percentile(micros, 0.5), p99: percentile(micros, 0.99), p999: percentile(micros, 0.999) });
  }
  return {
    p50: median(latencies.map(({ p50 }) => p50)),
    p99: median(latencies.map(({ p99 }) => p99)),
    p999: median(latencies.map(({ p999 }) => p999)),
  };
}

/** @throws Error unless the engine's answer has the ten distances that a look at every driver finds, to the millimetre */
function compare(engine: NativeEngine, world: World, lat: number, lon: number, nowMs: number): void {
  const query = { kind: 'nearest', lat, lon, k: K_DEFAULT, radiusMeters: RADIUS_METERS_DEFAULT } as const;
  const size = engine.search(query, nowMs, undefined, reply, 0);
  const answer = unpack(reply.bytes.subarray(0, size)) as { drivers: { distance: number }[] };
  const found = answer.drivers.map(({ distance }) => distance);
  const all = new Float64Array(world.drivers);
  for (let i = 0; i < all.length; i++)
    all[i] = distanceMeters(lat, lon, world.lat[i] as number, world.lon[i] as number);
  const expected = [...all.sort().subarray(0, K_DEFAULT)].filter((distance) => distance <= RADIUS_METERS_DEFAULT);
  const isSame =
    found.length === expected.length &&
    expected.every((distance, i) => Math.abs(distance - (found[i] as number)) < 1e-3);
  if (!isSame)
    throw new Error(`around ${lat}, ${lon} the engine found ${found.join(' ')} m, brute force ${expected.join(' ')} m`);
}
