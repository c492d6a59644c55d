// The engines under test, and how a test drives one: values in, values out, the MessagePack in between done here.
//
//   forEachEngine('drivers by distance', (open) => {
//     test('the nearest comes first', () => {
//       const world = open();
//       world.put(['a', 1, 1], ['b', 2, 2]);
//       expect(world.nearestIds(0, 0)).toEqual(['a', 'b']);
//     });
//   });

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { pack, Unpackr } from 'msgpackr';
import { afterEach, describe, test } from 'vitest';
import type {
  Area,
  BatchResult,
  DriverEngine,
  EngineKind,
  EngineOptions,
  NearestQuery,
  Ref,
  ReplyBuffer,
  ScannedDriver,
  SearchQuery,
  WithinQuery,
} from '../../src/drivers/engine.ts';
import { openPortableEngine } from '../../src/drivers/portable.ts';
import { openOracle } from './oracle.ts';

export type OpenEngine = (options: EngineOptions) => DriverEngine;

export const OPTIONS: EngineOptions = { driversMax: 100_000, ttlSecondsDefault: 60, searchCandidatesMax: 1_000_000 };

/** Some moment in September 2014; the tests have no clock of their own. */
export const NOW = 1_411_000_000_000;

const NATIVE = new URL('../../src/drivers/native.ts', import.meta.url);

/** The native engine, or why it cannot be tested here. */
async function loadNative(): Promise<OpenEngine | string> {
  if (!existsSync(fileURLToPath(NATIVE))) return 'src/drivers/native.ts does not exist';
  try {
    const module = (await import(/* @vite-ignore */ NATIVE.href)) as { openNativeEngine: OpenEngine };
    module.openNativeEngine(OPTIONS).close();
    return module.openNativeEngine;
  } catch (error) {
    return String(error);
  }
}

const native = await loadNative();

/** The engines to compare with the oracle, by name. */
export const REAL_ENGINES: readonly (readonly [EngineKind, OpenEngine])[] = [
  ['portable', openPortableEngine],
  ...(typeof native === 'string' ? [] : [['native', native] as const]),
];

/** Says loudly that the native engine is not tested; in CI that is a failure. To be called inside a describe. */
export function reportMissingNative(): void {
  if (typeof native !== 'string') return;
  const message = `THE NATIVE ENGINE IS NOT TESTED: ${native}`;
  if (process.env['CI']) {
    test('the native engine can be loaded', () => {
      throw new Error(message);
    });
    return;
  }
  console.warn(message);
  test.skip(message, () => {});
}

export interface AnsweredDriver {
  readonly id: string;
  readonly lat: number;
  readonly lon: number;
  readonly distance?: number;
  readonly age: number;
  readonly heading?: number;
  readonly speed?: number;
  readonly tags?: string[];
}

export interface Answer {
  readonly ref?: string | number;
  readonly drivers: AnsweredDriver[];
  readonly more?: boolean;
  readonly tookMicros: number;
  readonly explain?: {
    readonly cells: number;
    readonly candidates: number;
    readonly rejected: Record<string, number>;
    readonly micros: { readonly search: number; readonly encode: number };
  };
}

const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });

/** One engine and the moment that its calls are made at. */
export class World {
  readonly engine: DriverEngine;
  readonly #out: ReplyBuffer = { bytes: new Uint8Array(16) };
  now = NOW;

  constructor(engine: DriverEngine) {
    this.engine = engine;
  }

  /** Applies fixes (maps or rows). */
  apply(...fixes: readonly unknown[]): BatchResult {
    return this.applyBytes(pack(fixes));
  }

  applyBytes(bytes: Uint8Array, fixesMax = 10_000): BatchResult {
    return this.engine.apply(bytes, this.now, fixesMax);
  }

  /** Applies fixes that must all be accepted. */
  put(...fixes: readonly unknown[]): void {
    const result = this.apply(...fixes);
    if (result.accepted !== fixes.length) throw new Error(`not all accepted: ${JSON.stringify(result)}`);
  }

  /** What became of one fix: accepted, stale, duplicate or a code. */
  outcome(fix: unknown): string {
    return outcomeOf(this.apply(fix));
  }

  search(query: SearchQuery, ref?: Ref): Answer {
    const offset = 3;
    const end = this.engine.search(query, this.now, ref, this.#out, offset);
    return unpackr.unpack(this.#out.bytes.subarray(offset, end)) as Answer;
  }

  nearest(lat: number, lon: number, more: Partial<NearestQuery> = {}): Answer {
    return this.search({ kind: 'nearest', lat, lon, k: 10, radiusMeters: 5_000, ...more });
  }

  within(area: Area, more: Partial<WithinQuery> = {}): Answer {
    return this.search({ kind: 'within', area, limit: 10_000, ...more });
  }

  nearestIds(lat: number, lon: number, more: Partial<NearestQuery> = {}): string[] {
    return idsOf(this.nearest(lat, lon, { radiusMeters: 1_000_000, ...more }));
  }

  withinIds(area: Area, more: Partial<WithinQuery> = {}): string[] {
    return idsOf(this.within(area, more));
  }

  driver(id: string): ReturnType<DriverEngine['driver']> {
    return this.engine.driver(id, this.now);
  }

  remove(id: string): boolean {
    return this.engine.remove(id, this.now);
  }

  /** A whole scan, in slices. */
  scan(count = 7): ScannedDriver[] {
    const drivers: ScannedDriver[] = [];
    let cursor = 0;
    do cursor = this.engine.scan(cursor, count, this.now, (driver) => drivers.push({ ...driver }));
    while (cursor !== 0);
    return drivers;
  }

  /** Enough slices of sweeping to look at every driver of a small world. */
  sweep(): void {
    for (let i = 0; i < 50; i++) this.engine.sweep(this.now);
  }
}

export const idsOf = (answer: Answer): string[] => answer.drivers.map((driver) => driver.id);

function outcomeOf(result: BatchResult): string {
  const outcomes = [
    ...Array<string>(result.accepted).fill('accepted'),
    ...Array<string>(result.stale).fill('stale'),
    ...Array<string>(result.duplicate).fill('duplicate'),
    ...result.rejected.map(({ code }) => code),
  ];
  return outcomes.join(' ');
}

/** `open` opens an empty world on the engine; it is closed after the test. One at a time: the native engine is one in the process. */
export type OpenWorld = (options?: Partial<EngineOptions>) => World;

/** Runs one suite over the oracle, the portable and the native engine. */
export function forEachEngine(what: string, suite: (open: OpenWorld, kind: EngineKind) => void): void {
  describe(what, () => {
    reportMissingNative();
    for (const [kind, openEngine] of [['oracle', openOracle] as const, ...REAL_ENGINES]) {
      describe(kind, () => {
        let world: World | undefined;
        afterEach(() => {
          world?.engine.close();
          world = undefined;
        });
        suite((options = {}) => {
          world?.engine.close();
          world = new World(openEngine({ ...OPTIONS, ...options }));
          return world;
        }, kind);
      });
    }
  });
}
