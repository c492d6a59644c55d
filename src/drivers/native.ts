// The native engine: the C++ index of native/ behind the interface of engine.ts. Each thread of the process opens or attaches an engine of
// its own; those with one handle share their drivers.
//
//   const engine = openNativeEngine(options);                  // in the main thread
//   const same = attachNativeEngine(engine.handle);            // in a worker thread of the same process

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { pack, unpack } from 'msgpackr';
import { FIX_CODES, RazielError } from '../errors.ts';
import { preparePolygon } from '../geo/polygons.ts';
import type {
  BatchResult,
  DriverEngine,
  EngineOptions,
  EngineStats,
  FrameAnswerer,
  HeldFix,
  Ref,
  RejectedFix,
  ReplyBuffer,
  Ring,
  ScannedDriver,
  SearchQuery,
  StagedFrames,
  ZoneSource,
} from './engine.ts';
import type { CandidateFinder, CandidateSearch, CandidateTable } from './candidate-table.ts';
import { ANSWERED_FRAMES_MAX, FRAME_ROW } from './engine.ts';
import { rejectedFix } from './rejected.ts';
import { decodeBatch } from './batch.ts';

export type NativeEngine = DriverEngine &
  FrameAnswerer &
  CandidateFinder & {
    readonly handle: number;
    /**
     * Drivers for the learner of travel times: those whose number is a multiple of `stride`, from `cursor` on (0 to begin), as rows of 7 numbers
     * (native/src/candidates.h), as many as fit. `next` is 0 at the end. Off the serving threads.
     */
    sightings(
      cursor: number,
      stride: number,
      nowMs: number,
      idleTag: string,
      rows: Float64Array,
    ): { readonly count: number; readonly next: number };
  };

/** What most searches do without. */
interface SearchExtras {
  ref?: Uint8Array | undefined;
  /** Joined by commas, as the other lists of tags. */
  tags?: string | undefined;
  anyTags?: string | undefined;
  notTags?: string | undefined;
  zone?: readonly [layer: string, id: string] | undefined;
  areaZone?: readonly [layer: string, id: string] | undefined;
  polygons?: Float64Array | undefined;
}

/** The addon's class; native/src/addon.cc documents each call. */
interface AddonEngine {
  readonly handle: number;
  setReply(bytes: Uint8Array): void;
  answerFrame(frame: Uint8Array, nowMs: number, fixesMax: number, allowed: number): void;
  setFrames(bytes: Uint8Array, ends: Uint32Array, allowed: Uint8Array): void;
  answerFrames(from: number, to: number, nowMs: number, fixesMax: number): number;
  apply(batch: Uint8Array, nowMs: number, fixesMax: number): number;
  takeRejected(): Uint32Array;
  search(offset: number, extras?: SearchExtras): number;
  useZones(handle: number): void;
  driver(id: Uint8Array, nowMs: number): number;
  remove(id: Uint8Array, nowMs: number): boolean;
  scan(
    cursor: number,
    nowMs: number,
    positions: Float64Array,
    masks: Uint32Array,
  ): { next: number; count: number; tags: string[] };
  candidates(groups: string, extras?: SearchExtras): number;
  setCandidates(table: CandidateTable): void;
  writeRanked(offset: number, count: number, source: string, unanswered?: Uint8Array): number;
  sightings(
    cursor: number,
    stride: number,
    nowMs: number,
    idleTag: string,
    rows: Float64Array,
  ): { count: number; next: number };
  sweep(nowMs: number): void;
  stats(): Float64Array;
  close(): void;
}

interface Addon {
  /** As INTERFACE. */
  readonly interface?: number;
  trimMemory(): void;
  Engine: new (
    rows: Int32Array,
    numbers: Float64Array,
    handleOrDriversMax: number,
    ttlSecondsDefault?: number,
    searchCandidatesMax?: number,
  ) => AddonEngine;
}

// What the addon returns instead of a size.
const TOO_WIDE = -2;
const BROKEN = -4;
const NOT_AN_ARRAY = -5;
const TOO_LARGE = -6;
const UNKNOWN_ZONE = -7;
/** NEEDS − n: the reply needs n bytes, and the buffer has fewer. */
const NEEDS = -16;

const KIND = { nearest: 0, circle: 1, bbox: 2, polygons: 3, zone: 4 } as const;
const SCAN_SLICE_MAX = 4_096;

/** Of the addon that this file calls; kInterface in native/src/addon.cc. */
const INTERFACE = 3;

type Loaded = { readonly ok: true; readonly addon: Addon } | { readonly ok: false; readonly reason: string };

let loaded: Loaded | undefined;

/** Loads the addon; says why where it cannot be loaded. */
export function loadNative(): Loaded {
  loaded ??= load();
  return loaded;
}

function load(): Loaded {
  try {
    const require = createRequire(import.meta.url);
    const nativeDir = fileURLToPath(new URL('../../native', import.meta.url));
    const addon = (require('node-gyp-build') as (dir: string) => Addon)(nativeDir);
    if (addon.interface !== INTERFACE) {
      return { ok: false, reason: 'the addon was built of other sources than this; npm run build:native' };
    }
    return { ok: true, addon };
  } catch (error) {
    return { ok: false, reason: (error as Error).message.split('\n')[0] ?? 'it cannot be loaded' };
  }
}

/** @throws Error when the addon cannot be loaded, or so many drivers have no room in the address space */
export function openNativeEngine(options: EngineOptions): NativeEngine {
  return new NativeDriverEngine(options, (Engine, rows, numbers) => {
    return new Engine(rows, numbers, options.driversMax, options.ttlSecondsDefault, options.searchCandidatesMax);
  });
}

/** @param options those that the engine was opened with @throws Error when no thread holds the engine of this handle any more */
export function attachNativeEngine(handle: number, options: EngineOptions): NativeEngine {
  return new NativeDriverEngine(options, (Engine, ...shared) => new Engine(...shared, handle));
}

/** Gives memory that the process has freed back to the system, where addon and system can. Takes milliseconds. */
export function trimMemory(): void {
  const native = loadNative();
  if (native.ok) native.addon.trimMemory();
}

const utf8 = new TextEncoder();

class NativeDriverEngine implements NativeEngine {
  readonly kind = 'native';
  readonly options: EngineOptions;
  /** A row goes on with where in the frame batch and ref begin and end. */
  readonly frameRows = new Int32Array(FRAME_ROW.size * ANSWERED_FRAMES_MAX);
  readonly #addon: AddonEngine;
  readonly #own: ReplyBuffer = { bytes: new Uint8Array(4096) };
  /** The buffer that the addon writes to. */
  #reply: Uint8Array | undefined;
  /** The frames that the addon answers. */
  #frames: StagedFrames | undefined;
  /** What a search asks, where the addon reads it. */
  readonly #numbers = new Float64Array(9);
  /** Of candidates, where the addon puts them. */
  #table: CandidateTable | undefined;
  readonly #positions = new Float64Array(2 * SCAN_SLICE_MAX);
  readonly #masks = new Uint32Array(8 * SCAN_SLICE_MAX);

  constructor(
    options: EngineOptions,
    make: (Engine: Addon['Engine'], rows: Int32Array, numbers: Float64Array) => AddonEngine,
  ) {
    const native = loadNative();
    if (!native.ok) throw new Error(`the native engine cannot be loaded: ${native.reason}`);
    this.options = options;
    this.#addon = make(native.addon.Engine, this.frameRows, this.#numbers);
  }

  get handle(): number {
    return this.#addon.handle;
  }

  answerFrame(frame: Uint8Array, nowMs: number, fixesMax: number, allowed: number, out: ReplyBuffer): void {
    for (;;) {
      if (out.bytes !== this.#reply) this.#writeTo(out);
      this.#addon.answerFrame(frame, nowMs, fixesMax, allowed);
      const result = this.frameRows[FRAME_ROW.result] as number;
      if (result > NEEDS) return;
      this.#grow(out, 0, NEEDS - result);
    }
  }

  answerFrames(
    frames: StagedFrames,
    from: number,
    to: number,
    nowMs: number,
    fixesMax: number,
    out: ReplyBuffer,
  ): number {
    if (frames !== this.#frames) {
      this.#addon.setFrames(frames.bytes, frames.ends, frames.allowed);
      this.#frames = frames;
    }
    for (;;) {
      if (out.bytes !== this.#reply) this.#writeTo(out);
      const next = this.#addon.answerFrames(from, Math.min(to, from + ANSWERED_FRAMES_MAX), nowMs, fixesMax);
      if (next > from) return next;
      this.#grow(out, 0, NEEDS - (this.frameRows[FRAME_ROW.result] as number));
    }
  }

  rejections(frame: Uint8Array, at: number): Uint8Array {
    const [batchStart, batchEnd, refStart, refEnd] = this.frameRows.subarray(at + FRAME_ROW.micros + 1);
    const result = this.#batchResult(frame.subarray(batchStart, batchEnd), at);
    const ref = refStart === 0 ? {} : { ref: unpack(frame.subarray(refStart, refEnd)) as Ref };
    return pack({ ...ref, ...result });
  }

  tooWide(): RazielError {
    return tooWide(this.options);
  }

  apply(batch: Uint8Array, nowMs: number, fixesMax: number): BatchResult {
    switch (this.#addon.apply(batch, nowMs, fixesMax)) {
      case BROKEN:
        throw new RazielError('BAD_MSGPACK', 'the batch is not one whole MessagePack value');
      case NOT_AN_ARRAY:
        throw new RazielError('BAD_REQUEST', 'a batch must be an array of fixes or rows');
      case TOO_LARGE:
        throw new RazielError('TOO_LARGE', `a batch may have ${fixesMax} fixes at most`);
      default:
        return this.#batchResult(batch, 0);
    }
  }

  search(query: SearchQuery, nowMs: number, ref: Ref, out: ReplyBuffer, offset: number): number {
    writeNumbers(query, nowMs, this.#numbers);
    return this.#search(query, extrasOf(query, ref), out, offset);
  }

  candidates(search: CandidateSearch, nowMs: number, into: CandidateTable): number {
    this.#use(into);
    const { query, groups, notTags } = search;
    writeNumbers(query, nowMs, this.#numbers);
    this.#numbers[2] = search.k;
    this.#numbers[7] = search.radiusMeters;
    let lists = (groups[0] as readonly string[]).join();
    for (let i = 1; i < groups.length; i++) lists += `,,${(groups[i] as readonly string[]).join()}`;
    const count =
      query.anyTags === undefined && query.zone === undefined && notTags === undefined
        ? this.#addon.candidates(lists)
        : this.#addon.candidates(lists, {
            anyTags: query.anyTags?.join() || undefined,
            notTags: notTags?.join() || undefined,
            zone: query.zone && [query.zone.layer, query.zone.id],
          });
    if (count >= 0) return count;
    if (count === TOO_WIDE) throw tooWide(this.options);
    if (count === UNKNOWN_ZONE) throw unknownZone(query);
    return count - NEEDS;
  }

  writeRanked(
    from: CandidateTable,
    count: number,
    source: string | undefined,
    unanswered: Uint8Array | undefined,
    out: ReplyBuffer,
    offset: number,
  ): number {
    this.#use(from);
    if (out.bytes !== this.#reply) this.#writeTo(out);
    const end =
      unanswered === undefined
        ? this.#addon.writeRanked(offset, count, source ?? '')
        : this.#addon.writeRanked(offset, count, source ?? '', unanswered);
    assert(end >= 0, 'the caller has made room');
    return end;
  }

  #use(table: CandidateTable): void {
    if (table === this.#table) return;
    this.#addon.setCandidates(table);
    this.#table = table;
  }

  #search(query: SearchQuery, extras: SearchExtras | undefined, out: ReplyBuffer, offset: number): number {
    for (;;) {
      if (out.bytes !== this.#reply) this.#writeTo(out);
      const end = extras === undefined ? this.#addon.search(offset) : this.#addon.search(offset, extras);
      if (end >= 0) return end;
      if (end === TOO_WIDE) throw tooWide(this.options);
      if (end === UNKNOWN_ZONE) throw unknownZone(query);
      this.#grow(out, offset, NEEDS - end);
    }
  }

  /** @throws Error when the zones are not the native ones, or nobody holds them any more */
  useZones(zones: ZoneSource): void {
    if (zones.handle === undefined) throw new Error('the native engine needs native zones');
    this.#addon.useZones(zones.handle);
  }

  driver(id: string, nowMs: number): HeldFix | undefined {
    const bytes = utf8.encode(id);
    for (;;) {
      this.#writeTo(this.#own);
      const size = this.#addon.driver(bytes, nowMs);
      if (size === 0) return undefined;
      if (size > 0) return unpack(this.#own.bytes.subarray(0, size)) as HeldFix;
      this.#grow(this.#own, 0, NEEDS - size);
    }
  }

  remove(id: string, nowMs: number): boolean {
    return this.#addon.remove(utf8.encode(id), nowMs);
  }

  scan(cursor: number, count: number, nowMs: number, visit: (driver: ScannedDriver) => void): number {
    const room = Math.max(1, Math.min(count, SCAN_SLICE_MAX));
    const positions = this.#positions.subarray(0, 2 * room);
    const { next, count: found, tags } = this.#addon.scan(cursor, nowMs, positions, this.#masks);
    for (let i = 0; i < found; i++) {
      const names = namesOf(this.#masks, 8 * i, tags);
      visit({ lat: positions[2 * i] as number, lon: positions[2 * i + 1] as number, tags: names });
    }
    return next;
  }

  sightings(cursor: number, stride: number, nowMs: number, idleTag: string, rows: Float64Array) {
    return this.#addon.sightings(cursor, stride, nowMs, idleTag, rows);
  }

  sweep(nowMs: number): void {
    this.#addon.sweep(nowMs);
  }

  stats(): EngineStats {
    const [drivers = 0, driversMax = 0, tags = 0, bytes = 0] = this.#addon.stats();
    return { drivers, driversMax, tags, bytes };
  }

  close(): void {
    this.#reply = undefined;
    this.#table = undefined;
    this.#frames = undefined;
    this.#addon.close();
  }

  #writeTo(out: ReplyBuffer): void {
    this.#addon.setReply(out.bytes);
    this.#reply = out.bytes;
  }

  /** Room for `needed` bytes, keeping the first `kept`. */
  #grow(out: ReplyBuffer, kept: number, needed: number): void {
    const grown = new Uint8Array(Math.max(needed, 2 * out.bytes.length));
    grown.set(out.bytes.subarray(0, kept));
    out.bytes = grown;
  }

  /** @param at where the row of the batch begins */
  #batchResult(batch: Uint8Array, at: number): BatchResult {
    const count = (field: number): number => this.frameRows[at + field] as number;
    const rejected: RejectedFix[] = [];
    if (count(FRAME_ROW.rejected) > 0) {
      // The messages name the values at fault, which only a decoded batch has; batches with faults are rare.
      const fixes = decodeBatch(batch, Number.POSITIVE_INFINITY);
      const pairs = this.#addon.takeRejected();
      for (let i = 0; i < pairs.length; i += 2) {
        const index = pairs[i] as number;
        const code = FIX_CODES[pairs[i + 1] as number];
        if (code !== undefined) rejected.push(rejectedFix(index, code, fixes[index], this.options));
      }
    }
    return {
      accepted: count(FRAME_ROW.accepted),
      stale: count(FRAME_ROW.stale),
      duplicate: count(FRAME_ROW.duplicate),
      rejected,
    };
  }
}

function tooWide(options: EngineOptions): RazielError {
  const message = `the search would look at more than ${options.searchCandidatesMax} candidates: make it narrower`;
  return new RazielError('SEARCH_TOO_WIDE', message);
}

/** Which of the two zones that a query may name it is that there is none of, the engine does not say. */
function unknownZone(query: SearchQuery): RazielError {
  const names = [query.zone, query.kind === 'within' && query.area.kind === 'zone' ? query.area.zone : undefined];
  const named = names.flatMap((zone) => (zone === undefined ? [] : [`${zone.layer}/${zone.id}`]));
  return new RazielError('UNKNOWN_ZONE', `there is no zone ${named.join(' or no zone ')}`, { field: 'zone' });
}

/** What is asked, as the addon's `search` reads it. */
function writeNumbers(query: SearchQuery, nowMs: number, numbers: Float64Array): void {
  const area = query.kind === 'nearest' ? query : query.area;
  numbers[0] = KIND[area.kind];
  numbers[1] = nowMs;
  numbers[2] = query.kind === 'nearest' ? query.k : query.limit;
  numbers[3] = query.explain === true ? 1 : 0;
  numbers[4] = query.maxAgeSeconds === undefined ? Number.POSITIVE_INFINITY : query.maxAgeSeconds * 1000;
  if (area.kind === 'nearest' || area.kind === 'circle') {
    numbers[5] = area.lat;
    numbers[6] = area.lon;
    numbers[7] = area.radiusMeters;
  } else if (area.kind === 'bbox') {
    numbers[5] = area.west;
    numbers[6] = area.south;
    numbers[7] = area.east;
    numbers[8] = area.north;
  }
}

/** The rest of what is asked, or undefined when there is no more. */
function extrasOf(query: SearchQuery, ref: Ref): SearchExtras | undefined {
  const { tags, anyTags, notTags, zone } = query;
  const area = query.kind === 'within' ? query.area : undefined;
  const hasArea = area?.kind === 'polygons' || area?.kind === 'zone';
  if (ref === undefined && !hasArea && !tags && !anyTags && !notTags && !zone) return undefined;
  return {
    ref: ref === undefined ? undefined : pack(ref),
    tags: tags?.join() || undefined,
    anyTags: anyTags?.join() || undefined,
    notTags: notTags?.join() || undefined,
    zone: zone && [zone.layer, zone.id],
    areaZone: area?.kind === 'zone' ? [area.zone.layer, area.zone.id] : undefined,
    polygons: area?.kind === 'polygons' ? numbersOfPolygons(area.polygons) : undefined,
  };
}

function numbersOfPolygons(polygons: readonly (readonly Ring[])[]): Float64Array {
  const numbers: number[] = [polygons.length];
  for (const rings of polygons) {
    const { shell, holes } = preparePolygon(rings);
    numbers.push(1 + holes.length);
    for (const ring of [shell, ...holes]) {
      numbers.push(ring.positions.length, ring.turnWest ?? Number.NaN);
      for (const [x, y] of ring.positions) numbers.push(x, y);
    }
  }
  return Float64Array.from(numbers);
}

function namesOf(masks: Uint32Array, start: number, names: readonly string[]): string[] {
  const found: string[] = [];
  for (let word = 0; word < 8; word++) {
    for (let rest = masks[start + word] as number; rest !== 0; rest &= rest - 1) {
      found.push(names[32 * word + 31 - Math.clz32(rest & -rest)] as string);
    }
  }
  return found.sort();
}
