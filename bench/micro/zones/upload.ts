// How long an upload of counties takes from its bytes to published, and what publishing does to lookups on another thread.
// Runs as a task of its own process: {seed, rounds, runs, measuredMs} → milliseconds and ratios.

import { Worker } from 'node:worker_threads';
import { NativeZones } from '#dist/zones/native.js';
import { nativePublication } from '#dist/zones/native-publication.js';
import { ZoneStore } from '#dist/zones/store.js';
import { answerTask } from '../../lib/processes.ts';
import { sleep } from '../../lib/sleep.ts';
import { median, percentile } from '../../lib/statistics.ts';
import { countyLayer, pointsIn, UNITED_STATES } from '../../lib/zone-layers.ts';
import type { PublisherData } from './publisher.ts';

export interface UploadTask {
  readonly seed: number;
  readonly rounds: number;
  readonly runs: number;
  readonly measuredMs: number;
}

export interface UploadResult {
  readonly buildMs: number;
  readonly stagesMs: Readonly<Record<string, number>>;
  /** Of lookups while snapshots are swapped, over those of lookups in peace, one a run. */
  readonly p99Ratios: readonly number[];
  readonly p99Micros: number;
  readonly swaps: number;
}

const POINTS = 100_000;

await answerTask(async ({ seed, rounds, runs, measuredMs }: UploadTask): Promise<UploadResult> => {
  const { body } = countyLayer(seed);
  const zones = new NativeZones();
  const store = new ZoneStore(nativePublication(zones));
  const totals: number[] = [];
  const stages: Record<string, number[]> = {};
  for (let round = 0; round <= rounds; round++) {
    const startedAt = performance.now();
    await store.put('counties', body, {
      repair: true,
      onStage: (stage, ms) => {
        if (round > 0) (stages[stage] ??= []).push(ms);
      },
    });
    if (round > 0) totals.push(performance.now() - startedAt);
  }

  const shared = new Int32Array(new SharedArrayBuffer(8));
  const workerData: PublisherData = { handle: zones.handle, seed, shared };
  const worker = new Worker(new URL('./publisher.js', import.meta.url), { workerData });
  await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  const points = pointsIn(UNITED_STATES, POINTS, seed);
  const out = { bytes: new Uint8Array(64 * 1024) };
  const measure = (): number => {
    const micros: number[] = [];
    const end = performance.now() + measuredMs;
    for (let i = 0; performance.now() < end; i = (i + 2) % points.length) {
      const startedAt = performance.now();
      zones.answerAt(points[i] as number, points[i + 1] as number, undefined, undefined, out, 0);
      micros.push((performance.now() - startedAt) * 1000);
    }
    return percentile(Float64Array.from(micros).sort(), 0.99);
  };
  const ratios: number[] = [];
  const p99s: number[] = [];
  measure();
  for (let run = 0; run < runs; run++) {
    Atomics.store(shared, 0, 0);
    await sleep(50);
    const quiet = measure();
    Atomics.store(shared, 0, 1);
    Atomics.notify(shared, 0);
    await sleep(50);
    const swapped = measure();
    ratios.push(swapped / quiet);
    p99s.push(swapped);
  }
  const swaps = Atomics.load(shared, 1);
  await worker.terminate();
  return {
    buildMs: median(totals),
    stagesMs: Object.fromEntries(Object.entries(stages).map(([stage, values]) => [stage, median(values)])),
    p99Ratios: ratios,
    p99Micros: median(p99s),
    swaps,
  };
});
