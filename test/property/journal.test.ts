// What a journal drains is what its engine holds, and an engine that is restored from it holds the same: random worlds, both engines, in
// every combination. The seed is fixed; a failure prints it with the shrunk scenario.

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DriverEngine, HeldFix } from '../../src/drivers/engine.ts';
import {
  BLOCK_BYTES_MAX,
  BLOCK_DRIVERS,
  createDrainBuffer,
  type DriverJournal,
  type RestoreCounts,
} from '../../src/drivers/journal.ts';
import { type NativeEngine, openNativeEngine } from '../../src/drivers/native.ts';
import { openNativeJournal } from '../../src/drivers/native-journal.ts';
import { openPortableEngine, type PortableDriverEngine } from '../../src/drivers/portable.ts';
import { readBlock, writeBlock } from '../../src/drivers/stored-block.ts';
import { NOW, OPTIONS, REAL_ENGINES, reportMissingNative, World } from '../support/engines.ts';
import { IDS, PlannedFix, scenarios } from '../support/worlds.ts';

const SEED = 7400;
const RUNS = Number(process.env.RAZIEL_PROPERTY_RUNS ?? 60);
const KINDS = REAL_ENGINES.map(([kind]) => kind);

interface Opened {
  readonly engine: DriverEngine;
  readonly journal: DriverJournal;
  close(): void;
}

function open(kind: string, options = OPTIONS): Opened {
  const engine = kind === 'native' ? openNativeEngine(options) : openPortableEngine(options);
  const journal =
    kind === 'native' ? openNativeJournal((engine as NativeEngine).handle) : (engine as PortableDriverEngine).journal;
  return {
    engine,
    journal,
    close() {
      journal.close();
      engine.close();
    },
  };
}

/** Stored blocks by number, as the storage has them. */
class Stored {
  readonly blocks = new Map<number, Uint8Array>();
  #sequence = 1;
  // Small, so that a drain takes several calls.
  readonly #buffer = createDrainBuffer(0, 3);

  drain(journal: DriverJournal): void {
    journal.rewind();
    for (let isDone = false; !isDone; ) {
      const { count, done } = journal.drain(this.#buffer, this.#sequence);
      for (let i = 0; i < count; i++) {
        const start = i === 0 ? 0 : (this.#buffer.blocks[2 * i - 1] as number);
        const bytes = this.#buffer.bytes.slice(start, this.#buffer.blocks[2 * i + 1]);
        const block = this.#buffer.blocks[2 * i] as number;
        if (bytes.length === 0) this.blocks.delete(block);
        else this.blocks.set(block, bytes);
      }
      this.#sequence += count;
      isDone = done;
    }
  }

  /** As a start does it: the blocks that were encoded last come first. */
  restore(journal: DriverJournal, nowMs: number): RestoreCounts {
    const order = [...this.blocks].sort(([a, x], [b, y]) => sequenceOf(b, y) - sequenceOf(a, x));
    journal.start();
    journal.beginRestore(Math.max(0, ...this.blocks.keys()) + 1);
    for (const [block, bytes] of order) journal.restore(block, bytes, nowMs);
    return journal.endRestore();
  }

  ids(): string[] {
    return [...this.blocks].flatMap(([block, bytes]) =>
      (readBlock(block, bytes)?.drivers ?? []).map(({ fix }) => fix.id),
    );
  }
}

function sequenceOf(block: number, bytes: Uint8Array): number {
  return readBlock(block, bytes)?.sequence ?? -1;
}

function held(engine: DriverEngine, nowMs: number): Map<string, HeldFix> {
  const found = new Map<string, HeldFix>();
  for (const id of IDS) {
    const fix = engine.driver(id, nowMs);
    if (fix !== undefined) found.set(id, fix);
  }
  return found;
}

describe.each(KINDS.flatMap((from) => KINDS.map((to) => [from, to] as const)))('from the %s journal', (from, to) => {
  test(`a ${to} engine is restored to what was held, at any moment (seed ${SEED})`, { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(scenarios, fc.integer({ min: 1, max: 6 }), (scenario, every) => {
        const options = { ...OPTIONS, driversMax: scenario.driversMax, ttlSecondsDefault: scenario.ttlSecondsDefault };
        const source = open(from, options);
        const stored = new Stored();
        const world = new World(source.engine);
        source.journal.start();
        try {
          scenario.steps.forEach((step, i) => {
            if (step.kind === 'batch')
              world.apply(...step.fixes.map((fix) => (fix instanceof PlannedFix ? fix.at(world.now) : fix)));
            else if (step.kind === 'remove') source.engine.remove(step.id, world.now);
            else if (step.kind === 'advance') world.now += step.ms;
            else if (step.kind === 'sweep') source.engine.sweep(world.now);
            if (i % every === 0) stored.drain(source.journal);
          });
          stored.drain(source.journal);
          expect(source.journal.hasChanges()).toBe(false);
          expect(new Set(stored.ids()).size).toBe(stored.ids().length);

          const target = open(to, options);
          try {
            const counts = stored.restore(target.journal, world.now);
            expect(counts).toMatchObject({ superseded: 0, refused: 0, damaged: 0 });
            expect(held(target.engine, world.now)).toEqual(held(source.engine, world.now));
            // What was restored is stored already; what was not is stored no more.
            stored.drain(target.journal);
            expect(new Set(stored.ids())).toEqual(new Set(held(target.engine, world.now).keys()));
          } finally {
            target.close();
          }
        } finally {
          source.close();
        }
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });
});

describe.each(KINDS)('a %s engine', (kind) => {
  const fleet = (count: number, at = 0): unknown[] =>
    Array.from({ length: count }, (_, i) => ({
      id: `driver:${at + i}`,
      lat: i / 1000,
      lon: 1,
      time: NOW - 5,
      ttl: 600,
      tags: i % 2 === 0 ? ['xl', 'free'] : [],
      ...(i % 3 === 0 ? { heading: 270, speed: 0, accuracy: 4.5 } : {}),
    }));

  function storedFleet(count: number): Stored {
    const source = open(kind);
    const stored = new Stored();
    source.journal.start();
    new World(source.engine).put(...fleet(count));
    stored.drain(source.journal);
    source.close();
    return stored;
  }

  function restored(stored: Stored, options = OPTIONS): Opened & { counts: RestoreCounts } {
    const target = open(kind, options);
    return { ...target, counts: stored.restore(target.journal, NOW) };
  }

  test('takes new drivers beside restored ones, and gives no slot twice', () => {
    const stored = storedFleet(100);
    const { engine, journal, close } = restored(stored);
    engine.remove('driver:7', NOW);
    new World(engine).put(...fleet(500, 1000));
    stored.drain(journal);
    expect(stored.ids().length).toBe(599);
    expect(new Set(stored.ids()).size).toBe(599);
    close();
  });

  test('drops a record whose bytes have changed, and only that, wherever a bit flips', () => {
    const whole = storedFleet(3);
    const [[block, bytes]] = [...whole.blocks] as [[number, Uint8Array]];
    const { length } = readBlock(block, bytes)?.drivers ?? [];
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      const stored = new Stored();
      stored.blocks.set(block, flipped);
      const { engine, counts, close } = restored(stored);
      const inHeader = bit < 8 * (16 + 2 * (length as number));
      expect({ bit, lost: counts.damaged > 0, restored: counts.restored }).toEqual({
        bit,
        lost: true,
        restored: inHeader ? 0 : (length as number) - 1,
      });
      expect(engine.stats().drivers).toBe(counts.restored);
      close();
    }
  });

  test('drops a block that was cut, at every byte', () => {
    const whole = storedFleet(3);
    const [[block, bytes]] = [...whole.blocks] as [[number, Uint8Array]];
    for (let length = 0; length < bytes.length; length++) {
      const stored = new Stored();
      stored.blocks.set(block, bytes.slice(0, length));
      const { counts, close } = restored(stored);
      expect(counts).toMatchObject({ restored: 0 });
      expect(counts.damaged).toBeGreaterThan(0);
      close();
    }
  });

  test('takes of a driver that is in two blocks the one that was encoded later', () => {
    const source = open(kind);
    const world = new World(source.engine);
    const stored = new Stored();
    source.journal.start();
    world.put(...fleet(40));
    stored.drain(source.journal);
    const before = new Map(stored.blocks);
    source.engine.remove('driver:3', NOW);
    world.put(...fleet(600, 1000), { id: 'driver:3', lat: 5, lon: 5, time: NOW - 100, ttl: 600 });
    stored.drain(source.journal);
    source.close();
    // As if the kill had come between: the block that had it is as it was.
    const [first] = before.entries();
    const stale = [...before].find(([block, bytes]) => idsOf(block, bytes).includes('driver:3')) ?? first;
    stored.blocks.set(...(stale as [number, Uint8Array]));
    const { engine, close } = restored(stored);
    expect(engine.driver('driver:3', NOW)).toMatchObject({ lat: 5, time: NOW - 100 });
    close();
  });

  test('drops, and counts, the drivers that it has no room for', () => {
    const { counts, engine, close } = restored(storedFleet(50), { ...OPTIONS, driversMax: 20 });
    expect(counts).toMatchObject({ restored: 20, refused: 30 });
    expect(engine.stats().drivers).toBe(20);
    close();
  });

  test('marks blocks again that could not be stored', () => {
    const source = open(kind);
    const stored = new Stored();
    source.journal.start();
    new World(source.engine).put(...fleet(100));
    stored.drain(source.journal);
    const again = new Stored();
    source.journal.mark(Uint32Array.from(stored.blocks.keys()));
    again.drain(source.journal);
    expect([...again.blocks.keys()].sort()).toEqual([...stored.blocks.keys()].sort());
    source.close();
  });
});

function idsOf(block: number, bytes: Uint8Array): string[] {
  return (readBlock(block, bytes)?.drivers ?? []).map(({ fix }) => fix.id);
}

describe('the native journal', () => {
  reportMissingNative();

  test.runIf(KINDS.includes('native'))('encodes byte by byte what the portable one does', () => {
    const { engine, journal, close } = open('native');
    const stored = new Stored();
    const tags = ['xl', 'free', 'é'];
    journal.start();
    new World(engine).put(
      ...IDS.slice(0, 40).map((id, i) => [
        id,
        i,
        -i,
        NOW + i / 3,
        i,
        i % 2 === 0 ? null : 0.1,
        i,
        tags.slice(i % 4),
        7.5,
      ]),
    );
    stored.drain(journal);
    close();
    expect(stored.ids()).toHaveLength(40);
    for (const [block, bytes] of stored.blocks) {
      const { sequence = 0, drivers = [] } = readBlock(block, bytes) ?? {};
      const records = Array.from({ length: BLOCK_DRIVERS }, (_, i) => {
        return drivers.find(({ slot }) => slot === block * BLOCK_DRIVERS + i)?.fix;
      });
      const out = new Uint8Array(BLOCK_BYTES_MAX);
      expect(out.slice(0, writeBlock(block, sequence, records, out, 0))).toEqual(bytes);
    }
  });
});
