// The portable engine: drivers in JavaScript, for one thread. It serves where the native addon cannot be built, and it is the
// native engine's obvious twin: every test compares their answers.
//
// A Map holds the latest fix by id, shards.ts the positions, tags.ts the tags in use. A driver that has expired is out of every answer at
// once, because every look at it asks the clock; the sweep frees it later, and so does a fix that needs its room.

import { writeAnswer } from './answer.ts';
import { applyBatch, type Outcome } from './batch.ts';
import type {
  BatchResult,
  DriverEngine,
  EngineOptions,
  EngineStats,
  HeldFix,
  Ref,
  ReplyBuffer,
  ScannedDriver,
  SearchQuery,
  ZoneSource,
} from './engine.ts';
import type { Fix } from './fix.ts';
import type { DriverJournal } from './journal.ts';
import { PortableJournal } from './portable-journal.ts';
import { searchShards } from './portable-search.ts';
import { type DriverRecord, heldFixOf, isLive, saysNothingNew } from './record.ts';
import { type IndexedDriver, Shards } from './shards.ts';
import { TagCounts } from './tags.ts';

/** Drivers that one call of `sweep` looks at. */
const SWEEP_SLICE = 20_000;

/** Heap that a driver takes, measured with 100,000 of them; JavaScript cannot count it. */
const BYTES_PER_DRIVER = 600;

interface HeldDriver extends IndexedDriver {
  /** Index in `#slots`. */
  slot: number;
}

export type PortableDriverEngine = DriverEngine & { readonly journal: DriverJournal };

/** Opens an empty engine. The options are trusted (see EngineOptions). */
export function openPortableEngine(options: EngineOptions): PortableDriverEngine {
  return new PortableEngine(options);
}

class PortableEngine implements PortableDriverEngine {
  readonly kind = 'portable';
  readonly options: EngineOptions;
  readonly #drivers = new Map<string, HeldDriver>();
  /** The same drivers by a number that stays theirs, for `scan` and `sweep`. */
  readonly #slots: (HeldDriver | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  readonly #shards = new Shards();
  readonly #tags = new TagCounts();
  readonly journal = new PortableJournal({
    recordAt: (slot) => this.#slots[slot]?.record,
    takeSlotsBelow: (end) => {
      while (this.#slots.length < end) this.#slots.push(undefined);
    },
    restore: (slot, record, nowMs) => this.#restore(slot, record, nowMs),
    giveSlotsBelow: (end) => {
      for (let slot = end - 1; slot >= 0; slot--) if (this.#slots[slot] === undefined) this.#freeSlots.push(slot);
    },
    replay: (batch, appliedAtMs) => {
      const before = this.#drivers.size;
      this.apply(batch, appliedAtMs, Number.POSITIVE_INFINITY);
      return Math.max(0, this.#drivers.size - before);
    },
  });
  #sweepFrom = 0;
  #zones: ZoneSource | undefined;
  /** No driver expires before this moment: looking for expired ones earlier is vain. */
  #nextExpiryMs = Number.POSITIVE_INFINITY;

  constructor(options: EngineOptions) {
    this.options = options;
  }

  apply(batch: Uint8Array, nowMs: number, fixesMax: number): BatchResult {
    return applyBatch(batch, nowMs, fixesMax, {
      options: this.options,
      take: (fix) => this.#take(fix, nowMs),
    });
  }

  search(query: SearchQuery, nowMs: number, ref: Ref, out: ReplyBuffer, offset: number): number {
    const startedAt = performance.now();
    const result = searchShards(this.#shards, query, nowMs, this.options.searchCandidatesMax, this.#zones);
    return writeAnswer(result, query.explain === true, startedAt, nowMs, ref, out, offset);
  }

  driver(id: string, nowMs: number): HeldFix | undefined {
    const held = this.#drivers.get(id);
    return held !== undefined && isLive(held.record, nowMs) ? heldFixOf(held.record, nowMs) : undefined;
  }

  remove(id: string, nowMs: number): boolean {
    const held = this.#drivers.get(id);
    if (held === undefined) return false;
    const wasLive = isLive(held.record, nowMs);
    this.#forget(held);
    return wasLive;
  }

  scan(cursor: number, count: number, nowMs: number, visit: (driver: ScannedDriver) => void): number {
    const end = Math.min(this.#slots.length, cursor + Math.max(1, count));
    for (let slot = cursor; slot < end; slot++) {
      const record = this.#slots[slot]?.record;
      if (record !== undefined && isLive(record, nowMs)) visit(record);
    }
    return end < this.#slots.length ? end : 0;
  }

  sweep(nowMs: number): void {
    const end = Math.min(this.#slots.length, this.#sweepFrom + SWEEP_SLICE);
    for (let slot = this.#sweepFrom; slot < end; slot++) {
      const held = this.#slots[slot];
      if (held !== undefined && !isLive(held.record, nowMs)) this.#forget(held);
    }
    this.#sweepFrom = end < this.#slots.length ? end : 0;
  }

  stats(): EngineStats {
    return {
      drivers: this.#drivers.size,
      driversMax: this.options.driversMax,
      tags: this.#tags.size,
      bytes: this.#drivers.size * BYTES_PER_DRIVER,
    };
  }

  useZones(zones: ZoneSource): void {
    this.#zones = zones;
  }

  close(): void {
    for (const held of this.#drivers.values()) this.#forget(held);
  }

  #take(fix: Fix, nowMs: number): Outcome {
    if (!isLive(fix, nowMs)) return 'stale';
    let held = this.#drivers.get(fix.id);
    if (held !== undefined && !isLive(held.record, nowMs)) {
      this.#forget(held);
      held = undefined;
    }
    if (held === undefined) return this.#takeNew(fix, nowMs);
    if (fix.time < held.record.time) return 'stale';
    if (saysNothingNew(fix, held.record)) return 'duplicate';
    if (!this.#canHoldTags(fix, nowMs)) return 'TOO_MANY_TAGS';
    this.#move(held, fix);
    return 'accepted';
  }

  /** Whether the tags of a fix fit beside those in use. Forgets what has expired if they do not, but never the live driver of the fix. */
  #canHoldTags({ tags = [] }: Fix, nowMs: number): boolean {
    return this.#tags.canHold(tags) || (this.#forgetExpired(nowMs) && this.#tags.canHold(tags));
  }

  #takeNew(fix: Fix, nowMs: number): Outcome {
    if (!this.#canHoldTags(fix, nowMs)) return 'TOO_MANY_TAGS';
    if (this.#drivers.size >= this.options.driversMax) {
      this.#forgetExpired(nowMs);
      if (this.#drivers.size >= this.options.driversMax) return 'ENGINE_FULL';
    }
    const slot = this.#freeSlots.pop() ?? this.#slots.length;
    this.#hold(slot, { ...fix, tags: fix.tags ?? [] });
    this.journal.note(slot);
    return 'accepted';
  }

  #hold(slot: number, record: DriverRecord): void {
    const held: HeldDriver = { record, cell: '', slot };
    this.#slots[slot] = held;
    this.#drivers.set(record.id, held);
    this.#shards.insert(held);
    this.#tags.add(record.tags);
    this.#noteExpiry(record);
  }

  #restore(slot: number, record: DriverRecord, nowMs: number): 'restored' | 'expired' | 'superseded' | 'refused' {
    if (!isLive(record, nowMs)) return 'expired';
    if (this.#drivers.has(record.id)) return 'superseded';
    if (this.#drivers.size >= this.options.driversMax || !this.#tags.canHold(record.tags)) return 'refused';
    this.#hold(slot, record);
    return 'restored';
  }

  #move(held: HeldDriver, fix: Fix): void {
    const before = held.record;
    const after = { ...fix, tags: fix.tags ?? before.tags };
    const moved = after.lat !== before.lat || after.lon !== before.lon;
    if (moved) this.#shards.remove(held);
    held.record = after;
    if (moved) this.#shards.insert(held);
    this.#tags.add(after.tags);
    this.#tags.remove(before.tags);
    this.#noteExpiry(fix);
    this.journal.note(held.slot);
  }

  #forget(held: HeldDriver): void {
    this.#shards.remove(held);
    this.#tags.remove(held.record.tags);
    this.#drivers.delete(held.record.id);
    this.#slots[held.slot] = undefined;
    this.#freeSlots.push(held.slot);
    this.journal.note(held.slot);
  }

  #noteExpiry(fix: Fix): void {
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, fix.time + fix.ttlSeconds * 1000);
  }

  /** Frees all that has expired, when anything can have; whether it looked. */
  #forgetExpired(nowMs: number): boolean {
    // A millisecond early, for the rounding in the sum above.
    if (nowMs < this.#nextExpiryMs - 1) return false;
    this.#nextExpiryMs = Number.POSITIVE_INFINITY;
    for (const held of this.#drivers.values()) {
      if (isLive(held.record, nowMs)) this.#noteExpiry(held.record);
      else this.#forget(held);
    }
    return true;
  }
}
