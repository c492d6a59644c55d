// Ids are unique and strictly increase: over real threads that take them at the same time, and over any steps of the clock and restarts.
//
//   RAZIEL_PROPERTY_RUNS=5000 RAZIEL_PROPERTY_SEED=$RANDOM npx vitest run test/property/ids.test.ts

import { Worker } from 'node:worker_threads';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { allocateIds, IdGenerator } from '../../src/ids/generator.ts';
import { decodeId } from '../../src/ids/layout.ts';
import { IDS_AHEAD_MS_MAX, IDS_PER_REQUEST_MAX } from '../../src/limits.ts';

const RUNS = Number(process.env['RAZIEL_PROPERTY_RUNS'] ?? 300);
const SEED = Number(process.env['RAZIEL_PROPERTY_SEED'] ?? 1_414);
const EPOCH = 1_704_067_200_000;

const THREADS = 4;
const TAKES = 20_000;

/** Waits for the others, then takes ids by ones and by runs; they come back in the order in which they were made. */
const THREAD = `
  const { parentPort, workerData } = require('node:worker_threads');
  (async () => {
    const { IdGenerator } = await import(workerData.module);
    const ids = new IdGenerator(workerData.shared, 3, ${EPOCH}, Date.now);
    const gate = new Int32Array(workerData.gate);
    Atomics.add(gate, 0, 1);
    while (Atomics.load(gate, 0) < ${THREADS});
    const made = [];
    for (let i = 0; i < ${TAKES}; i++) {
      if (i % 2 === 0) made.push(...ids.take(1 + (i % 5)));
      else made.push(ids.next());
    }
    parentPort.postMessage(made);
  })();
`;

test('threads that make ids at the same time never make the same, and each sees its own rise', async () => {
  const shared = allocateIds();
  const gate = new SharedArrayBuffer(4);
  const module = new URL('../../dist/ids/generator.js', import.meta.url).href;
  const made = await Promise.all(
    Array.from({ length: THREADS }, async (_, thread) => {
      const worker = new Worker(THREAD, { eval: true, workerData: { module, shared, gate, thread } });
      return new Promise<bigint[]>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
    }),
  );
  for (const ids of made) expect(ids.every((id, i) => i === 0 || id > (ids[i - 1] as bigint))).toBe(true);
  const all = made.flat();
  expect(new Set(all).size).toBe(all.length);
  expect(all.every((id) => decodeId(id).machine === 3)).toBe(true);
  // An id that is asked for after all of these comes after all of them.
  const later = new IdGenerator(shared, 3, EPOCH, Date.now).next();
  expect(all.every((id) => id < later)).toBe(true);
});

type Event =
  | { readonly kind: 'clock'; readonly byMs: number }
  | { readonly kind: 'next' }
  | { readonly kind: 'take'; readonly n: number }
  /** A new process, told of the last id of the one before and of what that had reserved. */
  | { readonly kind: 'restart'; readonly reserved: number };

const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ kind: fc.constant('next' as const) }),
  fc.record({ kind: fc.constant('take' as const), n: fc.integer({ min: 1, max: IDS_PER_REQUEST_MAX }) }),
  fc.record({
    kind: fc.constant('clock' as const),
    byMs: fc.oneof(
      fc.integer({ min: -3, max: 5 }),
      fc.integer({ min: -2 * IDS_AHEAD_MS_MAX, max: 2 * IDS_AHEAD_MS_MAX }),
      fc.constantFrom(-3_600_000, 3_600_000),
    ),
  }),
  fc.record({ kind: fc.constant('restart' as const), reserved: fc.integer({ min: 0, max: 20_000_000 }) }),
);

test('ids rise over every step of the clock and every restart, and are never farther ahead of the clock than the bound', () => {
  const property = fc.property(fc.array(event, { minLength: 1, maxLength: 60 }), (events) => {
    let nowMs = EPOCH + 10_000_000;
    let ids = new IdGenerator(allocateIds(), 0, EPOCH, () => nowMs);
    let last = -1n;
    for (const happened of events) {
      if (happened.kind === 'clock') nowMs += happened.byMs;
      if (happened.kind === 'restart') {
        const before = ids.last;
        ids = new IdGenerator(allocateIds(), 0, EPOCH, () => nowMs);
        ids.startAfter(before + happened.reserved);
      }
      let made: Iterable<bigint> = [];
      try {
        if (happened.kind === 'next') made = [ids.next()];
        if (happened.kind === 'take') made = ids.take(happened.n);
      } catch (error) {
        expect(['CLOCK_BACKWARD', 'OVERLOADED']).toContain((error as { code?: string }).code);
      }
      for (const id of made) {
        if (id <= last) throw new Error(`${id} came after ${last}`);
        last = id;
        const aheadMs = decodeId(id).ms + EPOCH - nowMs;
        if (aheadMs < 0 || aheadMs > IDS_AHEAD_MS_MAX) throw new Error(`${id} is ${aheadMs} ms ahead of the clock`);
      }
    }
  });
  fc.assert(property, { numRuns: RUNS, seed: SEED });
});
