// What memory is for, and what is done when it runs short.

import { describe, expect, test } from 'vitest';
import { readConfig } from '../../../src/config-sources.ts';
import { allocateCounters, Counters, CounterTotals } from '../../../src/metrics/counters.ts';
import { Deadlines } from '../../../src/overload/deadlines.ts';
import { Kept, MemoryGuard } from '../../../src/overload/memory-guard.ts';
import { allocateTraffic } from '../../../src/eta/traffic.ts';
import { planMemory, sharesOf } from '../../../src/overload/memory-plan.ts';

const MIB = 2 ** 20;

function guarded(keptBytesMax = 10_000) {
  const shared = allocateCounters(2);
  const counters = new Counters(shared, 0);
  let resident = 0;
  let trimmed = 0;
  let critical = 0;
  const guard = new MemoryGuard(counters, new CounterTotals(shared), {
    maxBytes: 1_000,
    keptBytesMax,
    isFirst: true,
    trim: () => trimmed++,
    residentBytes: () => resident,
  });
  guard.stop();
  guard.onCritical = () => critical++;
  const at = (bytes: number): number => {
    resident = bytes;
    guard.look();
    return guard.pressure;
  };
  return { guard, counters, others: new Counters(shared, 1), at, done: () => ({ trimmed, critical }) };
}

describe('the guard of memory', () => {
  test('comes under pressure as the process grows, and out of it below a lower mark', () => {
    const { at } = guarded();
    expect([0, 840, 860, 820, 790, 840, 940, 900, 820, 790].map(at)).toEqual([0, 0, 1, 1, 0, 0, 2, 1, 1, 0]);
  });

  test('leaves room for small things under pressure, and for nothing close to the bound', () => {
    const { guard, at } = guarded();
    const room = (): boolean[] => [100, 5_000].map((bytes) => guard.hasRoom(bytes));
    expect(room()).toEqual([true, true]);
    at(900);
    expect(room()).toEqual([true, false]);
    at(950);
    expect(room()).toEqual([false, false]);
  });

  test('gives memory back under pressure, once a second, and ends connections close to the bound at every look', () => {
    const { at, done } = guarded();
    at(500);
    expect(done()).toEqual({ trimmed: 0, critical: 0 });
    at(950);
    at(951);
    expect(done()).toEqual({ trimmed: 1, critical: 2 });
  });

  test('counts what all threads keep, of every kind', () => {
    const { guard, counters, others } = guarded();
    others.add('heldBytes', 4_000);
    const bodies = new Kept(counters, guard, 'bodyBytes');
    const unsent = new Kept(counters, guard, 'unsentBytes');
    expect([bodies.take(3_000), unsent.take(3_000), unsent.take(1)]).toEqual([true, true, false]);
    bodies.give(3_000);
    expect(unsent.take(3_000)).toBe(true);
    expect(unsent.take(1)).toBe(false);
  });
});

describe('the plan of memory', () => {
  const config = (settings: object) => readConfig({ insecure: true, ...settings });

  test('changes nothing without a bound', () => {
    const asked = config({ threads: 2 });
    expect(planMemory(asked, 2, 'native')).toEqual({ config: asked, lowered: [] });
  });

  test('lowers limits that nobody set to what fits, and says so', () => {
    const { config: planned, lowered } = planMemory(config({ maxMemory: '512MiB', threads: 1 }), 1, 'native');
    expect(planned.maxMemory).toBe(512 * MIB);
    expect(planned.driversMax * 400).toBeLessThan(planned.maxMemory / 2);
    const { keptBytesMax, zonesBytes } = sharesOf(planned);
    expect(keptBytesMax + zonesBytes + planned.driversMax * 400).toBeLessThan(planned.maxMemory - 168 * MIB);
    expect(lowered.map((clause) => clause.split(' ')[0])).toEqual([
      'driversMax',
      'connectionsMax',
      'zonesBytesMax',
      'zonesTotalBytesMax',
    ]);
  });

  test('counts learned traffic, and the thread that stores where there is one', () => {
    const restOf = (settings: object): number => {
      const { keptBytesMax } = sharesOf(
        planMemory(config({ maxMemory: '512MiB', threads: 1, ...settings }), 1, 'native').config,
      );
      return 4 * keptBytesMax;
    };
    const inMemory = restOf({ memory: true });
    expect(0.9 * 512 * MIB - 168 * MIB - inMemory).toBeGreaterThanOrEqual(allocateTraffic().byteLength);
    expect(inMemory - restOf({})).toBeGreaterThan(24 * MIB);
  });

  test('refuses what somebody set and does not fit', () => {
    expect(() => planMemory(config({ maxMemory: '512MiB', driversMax: 1_000_000 }), 1, 'native')).toThrow('driversMax');
    expect(() => planMemory(config({ maxMemory: '128MiB' }), 1, 'native')).toThrow('--max-memory must be at least');
    expect(() => planMemory(config({ maxMemory: '512MiB', driversMax: 100_000 }), 1, 'native')).not.toThrow();
  });

  test.each([
    ['512MiB', 512 * MIB],
    ['2 GiB', 2 * 1024 * MIB],
    ['1.5gb', 1.5e9],
    ['900000000', 900_000_000],
    [7, 7],
  ])('reads %s as bytes', (text, bytes) => {
    expect(config({ maxMemory: text }).maxMemory).toBe(bytes);
  });

  test.each(['much', '-1', '1TiB', '1e9', ''])('refuses %j as a number of bytes', (text) => {
    expect(() => config({ maxMemory: text })).toThrow('--max-memory');
  });
});

describe('deadlines', () => {
  test('are told once, when they have passed, wherever they were moved', () => {
    const deadlines = new Deadlines();
    deadlines.stop();
    const late: string[] = [];
    const moved = deadlines.set(100, () => late.push('moved'));
    deadlines.set(100, () => late.push('missed'));
    deadlines.clear(deadlines.set(100, () => late.push('cleared')));
    moved.at += 50;
    deadlines.look(99);
    expect(late).toEqual([]);
    deadlines.look(120);
    expect(late).toEqual(['missed']);
    deadlines.look(150);
    deadlines.look(200);
    expect(late).toEqual(['missed', 'moved']);
  });
});
