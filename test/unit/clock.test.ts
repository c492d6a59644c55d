// The server's clock by clocks that the test moves, and this machine's own.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { allocateClock, ClockKeeper, nowMs, readClock, sharedClock } from '../../src/clock.ts';

const WALL = 1_800_000_000_000;
const HOUR = 3_600_000;
const ROUNDS = 1_000;

/** A machine's clocks, a keeper that ticks ten times a second, and the server's clock that comes of it. */
function machine() {
  const clocks = { wall: WALL, monotonic: 5_000, boot: 9_000 };
  const sources = { wallMs: () => clocks.wall, monotonicMs: () => clocks.monotonic, bootMs: () => clocks.boot };
  const shared = allocateClock(sources);
  const logged: string[] = [];
  const keeper = new ClockKeeper(shared, sources, (level, message) => logged.push(`${level}: ${message}`));
  const server = (): number => readClock(shared, clocks.monotonic);
  const pass = (ms: number): void => {
    for (let left = ms; left > 0; left -= 100) {
      const step = Math.min(100, left);
      const before = server();
      clocks.wall += step;
      clocks.monotonic += step;
      clocks.boot += step;
      const passed = server() - before;
      // Neither back nor by leaps, whatever is corrected.
      if (Math.abs(passed - step) > step * 0.05 + 0.01) throw new Error(`the clock passed ${passed} ms in ${step}`);
      keeper.tick();
    }
  };
  return { clocks, logged, server, pass };
}

describe('the clock', () => {
  test('goes with the wall clock as long as that behaves', () => {
    const { clocks, logged, server, pass } = machine();
    pass(HOUR);
    expect(Math.abs(server() - clocks.wall)).toBeLessThan(2);
    expect(logged).toEqual([]);
  });

  test.each([900, -900])('follows a correction of %i ms in a minute, without a step', (ms) => {
    const { clocks, logged, server, pass } = machine();
    clocks.wall += ms;
    pass(100);
    expect(Math.abs(server() - clocks.wall)).toBeGreaterThan(800);
    pass(60_000);
    expect(Math.abs(server() - clocks.wall)).toBeLessThan(5);
    expect(logged).toEqual([]);
  });

  test.each([HOUR, -HOUR, 1_500, -1_500])('does not follow a jump of %i ms, and says so once', (ms) => {
    const { clocks, logged, server, pass } = machine();
    pass(1_000);
    clocks.wall += ms;
    pass(60_000);
    expect(server()).toBeCloseTo(WALL + 61_000, 0);
    expect(logged).toHaveLength(1);
    expect(logged[0]).toMatch(/^error: the wall clock jumped, .*restart the server$/);
    expect(logged[0]).toContain(`${(Math.abs(ms) / 1000).toFixed(1)} s ${ms > 0 ? 'ahead of' : 'behind'}`);
  });

  test('complains again every ten minutes, and tells when the wall clock is back', () => {
    const { clocks, logged, server, pass } = machine();
    clocks.wall += HOUR;
    pass(25 * 60_000);
    expect(logged.map((line) => line.slice(0, 5))).toEqual(['error', 'error', 'error']);
    clocks.wall -= HOUR;
    pass(1_000);
    expect(logged.at(-1)).toBe("info: the wall clock agrees with the server's clock again");
    expect(Math.abs(server() - clocks.wall)).toBeLessThan(2);
  });

  test('does not flood the log when the wall clock flaps', () => {
    const { clocks, logged, pass } = machine();
    for (let i = 0; i < 100; i++) {
      clocks.wall += HOUR;
      pass(200);
      clocks.wall -= HOUR;
      pass(200);
    }
    expect(logged.filter((line) => line.startsWith('error'))).toHaveLength(1);
    expect(logged.filter((line) => line.startsWith('info'))).toHaveLength(1);
  });

  test('follows the time that the machine was suspended, and nothing more', () => {
    const { clocks, logged, server, pass } = machine();
    pass(1_000);
    // Its wall clock comes back a little off, as that of the hardware counts seconds.
    clocks.boot += 2 * HOUR;
    clocks.wall += 2 * HOUR + 400;
    pass(100);
    expect(Math.abs(server() - (WALL + 1_100 + 2 * HOUR))).toBeLessThan(10);
    pass(60_000);
    expect(Math.abs(server() - clocks.wall)).toBeLessThan(5);
    expect(logged).toEqual(['info: the machine was suspended for 7200.0 s; the clock is put forward by that']);
    clocks.wall += HOUR;
    pass(1_000);
    expect(logged[1]).toMatch(/^error: the wall clock jumped, and is 3600/);
  });

  test('of this machine agrees with Date.now(), never goes back, and is whole', () => {
    expect(Math.abs(nowMs() - Date.now())).toBeLessThan(1_000);
    const times = Array.from({ length: 100_000 }, nowMs);
    expect(times.filter((time, i) => !Number.isInteger(time) || time < (times[i - 1] ?? 0))).toEqual([]);
  });

  test('is one for all threads: a time told to another thread is not later than that one reads', async () => {
    const code = `
      const { parentPort, workerData } = require('node:worker_threads');
      import(workerData.module).then(({ nowMs, useClock }) => {
        useClock(workerData.clock);
        const turn = new Int32Array(workerData.turns);
        const told = new Float64Array(workerData.turns, 8);
        parentPort.postMessage('ready');
        for (let i = 0; i < ${ROUNDS}; i++) {
          Atomics.wait(turn, 0, 0);
          told[0] = nowMs();
          Atomics.store(turn, 0, 0);
          Atomics.notify(turn, 0);
        }
      });
    `;
    const turns = new SharedArrayBuffer(16);
    const module = new URL('../../dist/clock.js', import.meta.url).href;
    const worker = new Worker(code, { eval: true, workerData: { module, clock: sharedClock(), turns } });
    await once(worker, 'message');
    const turn = new Int32Array(turns);
    const told = new Float64Array(turns, 8);
    const wrong: number[][] = [];
    for (let i = 0; i < ROUNDS; i++) {
      const before = nowMs();
      Atomics.store(turn, 0, 1);
      Atomics.notify(turn, 0);
      Atomics.wait(turn, 0, 1);
      const there = told[0] as number;
      // A microsecond apart may be a millisecond apart when both are rounded down.
      if (there < before - 1 || nowMs() < there - 1) wrong.push([before, there]);
    }
    expect(wrong).toEqual([]);
    await once(worker, 'exit');
  });
});
