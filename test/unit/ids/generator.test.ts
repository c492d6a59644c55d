// The generator by a clock that the test moves: full milliseconds, steps of the clock in both directions, what is reserved.

import { expect, test } from 'vitest';
import { RazielError } from '../../../src/errors.ts';
import { allocateIds, IdGenerator } from '../../../src/ids/generator.ts';
import { decodeId, ID_MS_MAX, STEPS_PER_MS } from '../../../src/ids/layout.ts';
import { IDS_AHEAD_MS_MAX } from '../../../src/limits.ts';

const EPOCH = 1_000_000;

function started(atMs = 50_000) {
  const clock = { ms: EPOCH + atMs };
  const ids = new IdGenerator(allocateIds(), 5, EPOCH, () => clock.ms);
  return { clock, ids };
}

const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof RazielError) return error.code;
    throw error;
  }
  return 'made';
};

test('begins each millisecond with sequence 0, and counts on within it', () => {
  const { clock, ids } = started();
  expect(decodeId(ids.next())).toEqual({ ms: 50_000, machine: 5, sequence: 0 });
  expect(decodeId(ids.next())).toEqual({ ms: 50_000, machine: 5, sequence: 1 });
  clock.ms += 3;
  expect(decodeId(ids.next())).toEqual({ ms: 50_003, machine: 5, sequence: 0 });
});

test('goes on into the next millisecond when one is full', () => {
  const { ids } = started();
  const all = [...ids.take(4_095), ids.next(), ids.next()];
  expect(decodeId(all.at(-2) as bigint)).toEqual({ ms: 50_000, machine: 5, sequence: 4_095 });
  expect(decodeId(all.at(-1) as bigint)).toEqual({ ms: 50_001, machine: 5, sequence: 0 });
  expect(new Set(all).size).toBe(4_097);
});

test('takes a run over several milliseconds in order', () => {
  const { ids } = started();
  const run = ids.take(10_000);
  expect(run.every((id, i) => i === 0 || id > (run[i - 1] as bigint))).toBe(true);
  expect(decodeId(run[9_999] as bigint)).toEqual({ ms: 50_002, machine: 5, sequence: 9_999 - 8_192 });
  expect(ids.next() > (run[9_999] as bigint)).toBe(true);
});

test('makes 4,096 ids for each millisecond of IDS_AHEAD_MS_MAX at once, then refuses with OVERLOADED until time passes', () => {
  const { clock, ids } = started();
  let made = 0;
  while (codeOf(() => ids.takeSteps(4_096)) === 'made') made += 4_096;
  expect(made).toBe(IDS_AHEAD_MS_MAX * STEPS_PER_MS);
  // The first of the last millisecond is within the bound.
  ids.next();
  expect(codeOf(() => ids.next())).toBe('OVERLOADED');
  expect(ids.tryNext()).toBeUndefined();
  clock.ms += 1;
  for (let i = 0; i < STEPS_PER_MS; i++) ids.next();
  expect(codeOf(() => ids.next())).toBe('OVERLOADED');
});

test('gives nothing up by refusing', () => {
  const { clock, ids } = started();
  while (codeOf(() => ids.takeSteps(10_000)) === 'made');
  while (ids.tryNext() !== undefined);
  const { last } = ids;
  for (let i = 0; i < 100; i++) ids.tryNext();
  expect(ids.last).toBe(last);
  clock.ms += 1;
  expect(codeOf(() => ids.next())).toBe('made');
});

test('goes on from the last id when the clock goes back, up to the bound', () => {
  const { clock, ids } = started();
  const before = ids.next();
  clock.ms -= IDS_AHEAD_MS_MAX;
  // One is left in the last millisecond that is near enough: that of the id before, whose sequence has gone on.
  expect(codeOf(() => ids.next())).toBe('CLOCK_BACKWARD');
  clock.ms += 1;
  const after = ids.next();
  expect(after).toBe(before + 1n);
});

test('refuses with CLOCK_BACKWARD past the bound, and goes on when the clock is back', () => {
  const { clock, ids } = started(7_200_000);
  const before = ids.next();
  clock.ms -= 3_600_000;
  expect(codeOf(() => ids.next())).toBe('CLOCK_BACKWARD');
  expect(codeOf(() => ids.take(10))).toBe('CLOCK_BACKWARD');
  clock.ms += 3_600_000;
  expect(ids.next()).toBe(before + 1n);
});

test('refuses a clock before its epoch, and one past its end', () => {
  const { clock, ids } = started();
  clock.ms = EPOCH - 1;
  expect(codeOf(() => ids.next())).toBe('made');
  clock.ms = EPOCH - IDS_AHEAD_MS_MAX - 1;
  expect(codeOf(() => ids.next())).toBe('CLOCK_BACKWARD');
  clock.ms = EPOCH + ID_MS_MAX + 1;
  expect(codeOf(() => ids.next())).toBe('OVERLOADED');
});

test('starts after what was given out before, and calls a clock behind that by its name', () => {
  const { clock, ids } = started();
  ids.startAfter((50_000 + 5_000) * STEPS_PER_MS + 7);
  expect(decodeId(ids.next())).toEqual({ ms: 55_000, machine: 5, sequence: 8 });
  ids.startAfter((50_000 + 20_000) * STEPS_PER_MS);
  expect(codeOf(() => ids.next())).toBe('CLOCK_BACKWARD');
  clock.ms += 15_000;
  expect(decodeId(ids.next())).toEqual({ ms: 70_000, machine: 5, sequence: 1 });
});

test('gives out nothing past what is reserved', () => {
  const { clock, ids } = started();
  ids.reserve(50_002 * STEPS_PER_MS);
  clock.ms += 2;
  expect(decodeId(ids.next())).toEqual({ ms: 50_002, machine: 5, sequence: 0 });
  expect(codeOf(() => ids.next())).toBe('OVERLOADED');
  expect(codeOf(() => ids.take(2))).toBe('OVERLOADED');
  clock.ms += 5;
  expect(codeOf(() => ids.next())).toBe('OVERLOADED');
  ids.reserve(50_100 * STEPS_PER_MS);
  expect(decodeId(ids.next())).toEqual({ ms: 50_007, machine: 5, sequence: 0 });
});
