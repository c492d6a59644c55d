// Ids over restarts: what is on disk decides where a new process begins, whatever happened to the one before. The disk is an object that
// the test can make fail, or wait.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { RazielError } from '../../../src/errors.ts';
import { allocateIds, IdGenerator } from '../../../src/ids/generator.ts';
import { decodeId, STEPS_PER_MS } from '../../../src/ids/layout.ts';
import { reserveIds } from '../../../src/ids/reservation.ts';
import { IDS_RESERVED_MS } from '../../../src/limits.ts';
import type { DurableState } from '../../../src/storage/state.ts';

const EPOCH = 1_704_067_200_000;

class Disk {
  readonly values = new Map<string, Uint8Array>();
  failure: Error | undefined;
  writes = 0;

  /** A new process' view of it. */
  open(): DurableState {
    return {
      get: async (key) => this.values.get(key),
      entries: async () => [],
      write: async (changes) => {
        if (this.failure !== undefined) throw this.failure;
        this.writes++;
        for (const { key, value } of changes) this.values.set(key, Buffer.from(value as Uint8Array));
      },
      close: () => {},
    };
  }
}

let nowMs: number;
let disk: Disk;
let logged: string[];

beforeEach(() => {
  vi.useFakeTimers();
  nowMs = EPOCH + 100_000_000;
  disk = new Disk();
  logged = [];
});

afterEach(() => {
  vi.useRealTimers();
});

/** A process that begins. */
async function start() {
  const ids = new IdGenerator(allocateIds(), 0, EPOCH, () => nowMs);
  const reservation = await reserveIds(ids, disk.open(), (level, message) => logged.push(`${level}: ${message}`));
  return { ids, reservation };
}

async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 100) {
    nowMs += 100;
    await vi.advanceTimersByTimeAsync(100);
  }
}

describe('ids over restarts', () => {
  test('begin with the clock on a new disk', async () => {
    const { ids } = await start();
    expect(decodeId(ids.next())).toEqual({ ms: 100_000_000, machine: 0, sequence: 0 });
  });

  test('go on behind the last one after a stop, with no step ahead', async () => {
    const { ids, reservation } = await start();
    const last = ids.take(5_000).at(-1) as bigint;
    await reservation.stop();
    expect(() => ids.next()).toThrow('reserved');
    const { ids: later } = await start();
    expect(later.next()).toBe(last + 1n);
  });

  test('go on behind all that a killed process may have given out, at once and within the bound', async () => {
    const { ids } = await start();
    await pass(3_300);
    let last = 0n;
    for (;;) {
      const id = ids.tryNext();
      if (id === undefined) break;
      last = id;
      nowMs += 7;
    }
    nowMs -= 2_000;
    const { ids: later } = await start();
    const first = later.next();
    expect(first > last).toBe(true);
    expect(decodeId(first).ms + EPOCH - nowMs).toBeLessThanOrEqual(IDS_RESERVED_MS + 2_000);
  });

  test('rise over a hundred crashes half a second apart, and do not run away from the clock', async () => {
    let last = -1n;
    for (let i = 0; i < 100; i++) {
      const { ids } = await start();
      for (const id of ids.take(1_000)) {
        expect(id > last).toBe(true);
        last = id;
      }
      nowMs += 500;
      vi.clearAllTimers();
    }
    expect(decodeId(last).ms + EPOCH - nowMs).toBeLessThan(IDS_RESERVED_MS + 1_000);
  });

  test('are refused after a start with a clock an hour behind, and the log says until when', async () => {
    const { ids, reservation } = await start();
    const last = ids.next();
    await reservation.stop();
    nowMs -= 3_600_000;
    const { ids: later } = await start();
    expect(() => later.next()).toThrow(expect.objectContaining({ code: 'CLOCK_BACKWARD' }));
    expect(logged).toEqual([expect.stringMatching(/^error: the ids given out before reach to 2024-.*3600 s ahead/)]);
    await pass(100);
    nowMs += 3_600_000;
    await pass(1_000);
    expect(later.next() > last).toBe(true);
  });
});

describe('the reservation', () => {
  test('is renewed before it ends, and not at every tick', async () => {
    const { ids } = await start();
    for (let i = 0; i < 600; i++) {
      await pass(100);
      ids.next();
    }
    expect(logged).toEqual([]);
    expect(disk.writes).toBeGreaterThan(60_000 / IDS_RESERVED_MS);
    expect(disk.writes).toBeLessThan(30);
  });

  test('that cannot be renewed ends in STORAGE_FULL, is complained about once, and goes on when there is room', async () => {
    const { ids } = await start();
    disk.failure = new RazielError('STORAGE_FULL', 'no space');
    await pass(IDS_RESERVED_MS - 100);
    ids.next();
    await pass(5_000);
    expect(() => ids.next()).toThrow(expect.objectContaining({ code: 'STORAGE_FULL' }));
    expect(ids.tryNext()).toBeUndefined();
    expect(logged).toEqual(['error: ids cannot be reserved on disk, and are refused soon: no space']);
    disk.failure = undefined;
    await pass(1_000);
    expect(decodeId(ids.next()).ms + EPOCH).toBe(nowMs);
    expect(logged.at(-1)).toBe('info: ids can be reserved on disk again');
  });

  test('is on disk before anything of it is given out', async () => {
    const { ids } = await start();
    const onDisk = (): number => Number(Buffer.from(disk.values.get('ids/last') as Uint8Array).readBigInt64BE(1));
    for (let i = 0; i < 300; i++) {
      await pass(100);
      ids.take(1 + ((i * 37) % 5_000));
      expect(ids.last).toBeLessThanOrEqual(onDisk());
    }
    expect(onDisk() - ids.last).toBeLessThanOrEqual(IDS_RESERVED_MS * STEPS_PER_MS);
  });

  test('of another format is not guessed at', async () => {
    disk.values.set('ids/last', Buffer.from([9, 0, 0, 0, 0, 0, 0, 0, 0]));
    await expect(start()).rejects.toThrow('does not know');
  });
});
