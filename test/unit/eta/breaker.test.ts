// The circuit breaker, by a clock that the test turns.

import { beforeEach, describe, expect, test } from 'vitest';
import { Breaker } from '../../../src/eta/http/breaker.ts';

const FAILURES = 3;
const FAILING_MS = 100;
const OPEN_MS = 1_000;

let changes: boolean[];
let breaker: Breaker;

beforeEach(() => {
  changes = [];
  breaker = new Breaker(FAILURES, FAILING_MS, OPEN_MS, (isOpen) => changes.push(isOpen));
});

const enter = (nowMs: number): number => {
  const ticket = breaker.enter(nowMs);
  if (ticket === undefined) throw new Error(`it is open at ${nowMs}`);
  return ticket;
};

/** At 0. */
function open(): void {
  for (let i = FAILURES - 1; i >= 0; i--) breaker.failed(enter(-i * FAILING_MS), -i * FAILING_MS);
}

describe('a breaker', () => {
  test('opens after so many failures in a row', () => {
    expect(breaker.failed(enter(0), 0)).toBe(false);
    expect(breaker.failed(enter(100), 100)).toBe(false);
    breaker.succeeded(enter(200));
    expect(breaker.failed(enter(300), 300)).toBe(false);
    expect(breaker.failed(enter(400), 400)).toBe(false);
    expect(changes).toEqual([]);
    expect(breaker.failed(enter(500), 500)).toBe(true);
    expect(breaker.enter(500 + OPEN_MS - 1)).toBeUndefined();
    expect(changes).toEqual([true]);
  });

  test('stays closed after any number of failures at one moment', () => {
    for (let i = 0; i < 10 * FAILURES; i++) expect(breaker.failed(enter(0), i)).toBe(false);
    breaker.succeeded(enter(FAILING_MS));
    expect(breaker.failed(enter(FAILING_MS), FAILING_MS)).toBe(false);
    for (let i = 0; i < FAILURES; i++) breaker.failed(enter(0), 2 * FAILING_MS - 1);
    expect(changes).toEqual([]);
    expect(breaker.failed(enter(0), 2 * FAILING_MS)).toBe(true);
  });

  test('lets one through when its time is over, and all when that one succeeds', () => {
    open();
    const probe = enter(OPEN_MS);
    expect(breaker.enter(OPEN_MS)).toBeUndefined();
    breaker.succeeded(probe);
    expect(changes).toEqual([true, false]);
    enter(OPEN_MS);
    enter(OPEN_MS);
    // As before, it takes several failures.
    expect(breaker.failed(enter(OPEN_MS), OPEN_MS)).toBe(false);
    enter(OPEN_MS);
  });

  test('stays open for as long again when that one fails', () => {
    open();
    expect(breaker.failed(enter(OPEN_MS), OPEN_MS + 30)).toBe(false);
    expect(breaker.enter(2 * OPEN_MS)).toBeUndefined();
    enter(2 * OPEN_MS + 30);
    expect(changes).toEqual([true]);
  });

  test('does not mind how those end that were sent before it opened', () => {
    const early = enter(0);
    open();
    breaker.succeeded(early);
    expect(breaker.enter(1)).toBeUndefined();
    const probe = enter(OPEN_MS);
    expect(breaker.failed(early, OPEN_MS)).toBe(false);
    breaker.succeeded(early);
    expect(breaker.enter(OPEN_MS)).toBeUndefined();
    breaker.succeeded(probe);
    expect(changes).toEqual([true, false]);
  });
});
