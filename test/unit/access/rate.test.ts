// How much a token may ask: bursts, debts, and threads that take at once.

import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { ask, newBucket, type RateLimit, take } from '../../../src/access/rate.ts';

const SECOND = 1_000_000_000n;
const START = 1_000n * SECOND;

const limit = (perSecond: number): RateLimit => ({ perSecond, bucket: newBucket() });

/** Requests that are let in at one moment. */
function letIn(of: RateLimit, nowNanos: bigint, tries = 1_000): number {
  let count = 0;
  for (let i = 0; i < tries; i++) if (take(of, 1, nowNanos) === 0) count++;
  return count;
}

test("a second's worth may come at once, and then the rate", () => {
  const of = limit(10);
  expect(letIn(of, START)).toBe(10);
  expect(letIn(of, START + SECOND / 10n)).toBe(1);
  expect(letIn(of, START + SECOND)).toBe(9);
  expect(letIn(of, START + 60n * SECOND)).toBe(10);
});

test('over any long time no more is let in than the rate and one burst', () => {
  const of = limit(7);
  let count = 0;
  for (let i = 0n; i < 1_000n; i++) count += letIn(of, START + (i * SECOND) / 100n, 3);
  expect(count).toBeLessThanOrEqual(7 * 10 + 7);
  expect(count).toBeGreaterThanOrEqual(7 * 10 - 1);
});

test('a rate below one a second lets one in, and the next when its time has come', () => {
  const of = limit(0.5);
  expect(letIn(of, START)).toBe(1);
  expect(take(of, 1, START + SECOND)).toBeCloseTo(1_000, 0);
  expect(take(of, 1, START + 2n * SECOND)).toBe(0);
});

test('what is larger than a burst is let in when nothing is owed, and the rest waits until it is paid off', () => {
  const of = limit(10);
  expect(take(of, 100, START)).toBe(0);
  expect(take(of, 1, START)).toBeCloseTo(9_100, 0);
  expect(take(of, 100, START)).toBeCloseTo(10_000, 0);
  expect(take(of, 1, START + 9n * SECOND)).toBeGreaterThan(0);
  expect(take(of, 1, START + 9n * SECOND + SECOND / 10n)).toBe(0);
});

test('a refusal costs nothing, and the wait that it names is enough', () => {
  const of = limit(3);
  letIn(of, START);
  const waitMs = take(of, 1, START);
  for (let i = 0; i < 100; i++) take(of, 1, START);
  expect(take(of, 1, START + BigInt(Math.ceil(waitMs * 1e6)))).toBe(0);
});

test('a huge cost at the smallest rate is owed for a bounded time, and breaks nothing', () => {
  const of = limit(1e-6);
  expect(take(of, 1e9, START)).toBe(0);
  expect(take(of, 1, START)).toBeGreaterThan(1e9);
  expect(take(of, 1, START + 20_000_000n * SECOND)).toBe(0);
});

test('asking takes nothing', () => {
  const of = limit(1);
  for (let i = 0; i < 10; i++) expect(ask(of, 1, START)).toBe(0);
  expect(take(of, 1, START)).toBe(0);
  expect(ask(of, 1, START)).toBeGreaterThan(0);
});

test('threads that take at once take no more than one would', async () => {
  const of = limit(5_000);
  // All of it at one moment of a clock of its own, so that nothing comes back meanwhile.
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.rate).then(({ take }) => {
      let count = 0;
      for (let i = 0; i < 20000; i++) if (take(workerData.of, 1, ${START}n) === 0) count++;
      parentPort.postMessage(count);
    });`;
  const rate = fileURLToPath(new URL('../../../dist/access/rate.js', import.meta.url));
  const counts = await Promise.all(
    Array.from({ length: 3 }, () => {
      const worker = new Worker(code, { eval: true, workerData: { rate, of } });
      return new Promise<number>((resolve, reject) => worker.once('message', resolve).once('error', reject));
    }),
  );
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(5_000);
});
