import { describe, expect, it } from 'vitest';
import type { Entry, TrackFix } from '../../../src/replay/entry.ts';
import { mergeByTime, sortedByTime } from '../../../src/replay/merge.ts';
import { type ScheduleOptions, scheduleOf } from '../../../src/replay/schedule.ts';
import { parseTime } from '../../../src/replay/time.ts';

describe('parseTime', () => {
  it.each([
    ['1211353200', 'auto', 1_211_353_200_000],
    ['1211353200.5', 'auto', 1_211_353_200_500],
    [1_411_000_000_000, 'auto', 1_411_000_000_000],
    ['5', 's', 5000],
    ['5', 'ms', 5],
    ['2015-06-07T08:15:59-05:00', 'auto', Date.UTC(2015, 5, 7, 13, 15, 59)],
    ['2015-06-07T08:15:59.25Z', 'iso', Date.UTC(2015, 5, 7, 8, 15, 59, 250)],
    ['2014/4/1 00:11:00', 'auto', Date.UTC(2014, 3, 1, 0, 11)],
    ['2014-04-01 00:11', 'iso', Date.UTC(2014, 3, 1, 0, 11)],
    ['2014-04-01', 'iso', Date.UTC(2014, 3, 1)],
  ] as const)('reads %s of unit %s', (text, unit, ms) => {
    expect(parseTime(text, unit)).toBe(ms);
  });

  it.each([
    ['yesterday', 'auto'],
    ['', 'auto'],
    ['2015-02-30T00:00:00Z', 'auto'],
    ['2015-13-01T00:00:00Z', 'auto'],
    ['2015-01-01T25:00:00Z', 'auto'],
    ['2015-01-01T00:61:00Z', 'auto'],
    ['2015-06-07T08:15:59Z', 's'],
    ['12113532', 'iso'],
    ['Infinity', 'auto'],
  ] as const)('refuses %j of unit %s', (text, unit) => {
    expect(parseTime(text, unit)).toBeUndefined();
  });
});

const fixAt = (timeMs: number | undefined, id = 'a'): TrackFix => ({ id, lat: 0, lon: 0, timeMs }) as TrackFix;

describe('scheduleOf', () => {
  const BASE: ScheduleOptions = {
    speed: 10,
    keepTime: false,
    loop: false,
    startMs: 1_000_000,
    lastMs: undefined,
    now: () => 1_000_777,
  };

  it('gives start + (time − the first one’s) ÷ speed', () => {
    const schedule = scheduleOf(BASE);
    expect(schedule(fixAt(5_000))).toEqual({ dueMs: 1_000_000, timeMs: 1_000_000 });
    expect(schedule(fixAt(25_000))).toEqual({ dueMs: 1_002_000, timeMs: 1_002_000 });
    expect(schedule(fixAt(4_000))).toEqual({ dueMs: 999_900, timeMs: 999_900 });
    expect(schedule(fixAt(undefined))).toEqual({ dueMs: Number.NEGATIVE_INFINITY, timeMs: undefined });
  });

  it('keeps the spacing at speed max, shifted so that the last fix is at the start, and sends at once', () => {
    const schedule = scheduleOf({ ...BASE, speed: 'max', lastMs: 90_000 });
    expect(schedule(fixAt(5_000))).toEqual({ dueMs: Number.NEGATIVE_INFINITY, timeMs: 915_000 });
    expect(schedule(fixAt(90_000)).timeMs).toBe(1_000_000);
  });

  it('stamps with the moment of sending at speed max in a loop', () => {
    const schedule = scheduleOf({ ...BASE, speed: 'max', loop: true, lastMs: 90_000 });
    expect(schedule(fixAt(5_000)).timeMs).toBe(1_000_777);
  });

  it('keeps the time of the file when asked to, at any speed', () => {
    const paced = scheduleOf({ ...BASE, keepTime: true });
    paced(fixAt(5_000));
    expect(paced(fixAt(25_000))).toEqual({ dueMs: 1_002_000, timeMs: 25_000 });
    const atOnce = scheduleOf({ ...BASE, keepTime: true, speed: 'max' });
    expect(atOnce(fixAt(25_000))).toEqual({ dueMs: Number.NEGATIVE_INFINITY, timeMs: 25_000 });
  });
});

const entry = (file: number, timeMs: number | undefined): Entry =>
  ({ file, line: 1, fix: fixAt(timeMs), fault: undefined }) as Entry;
async function* sourceOf(file: number, ...groups: (number | undefined)[][]): AsyncGenerator<Entry[]> {
  for (const group of groups) yield group.map((timeMs) => entry(file, timeMs));
}
const collect = async (source: AsyncIterable<Entry[]>): Promise<string[]> => {
  const all: string[] = [];
  for await (const group of source) all.push(...group.map(({ file, fix }) => `${file}@${fix?.timeMs}`));
  return all;
};

describe('merging', () => {
  it('takes the earliest of all files next, and the file given first at equal times', async () => {
    const merged = mergeByTime([sourceOf(0, [1, 4], [9]), sourceOf(1, [2, 4, 5]), sourceOf(2), sourceOf(3, [0], [10])]);
    expect(await collect(merged)).toEqual(['3@0', '0@1', '1@2', '0@4', '1@4', '1@5', '0@9', '3@10']);
  });

  it('passes entries without a time on at once', async () => {
    expect(await collect(mergeByTime([sourceOf(0, [5, 6]), sourceOf(1, [undefined, 7])]))).toEqual([
      '1@undefined',
      '0@5',
      '0@6',
      '1@7',
    ]);
  });

  it('sorts a file by time and leaves equal times as they lie', async () => {
    const sorted = mergeByTime([sortedByTime(sourceOf(0, [5, 1], [undefined, 3]))]);
    expect(await collect(sorted)).toEqual(['0@undefined', '0@1', '0@3', '0@5']);
  });
});
