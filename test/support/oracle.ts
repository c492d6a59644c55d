// The oracle: the rules of the engine's interface with no cleverness at all, for every test to compare the real engines with. One Map,
// and every search asks every driver. It shares with the portable engine what a fix and an answer look like on the wire; what it holds,
// finds, sorts and forgets is its own.

import { type Match, nothingLooked, writeAnswer } from '../../src/drivers/answer.ts';
import { applyBatch, type Outcome } from '../../src/drivers/batch.ts';
import type {
  Area,
  BatchResult,
  DriverEngine,
  EngineOptions,
  EngineStats,
  HeldFix,
  Ref,
  ReplyBuffer,
  ScannedDriver,
  SearchQuery,
  ZoneName,
  ZoneSource,
} from '../../src/drivers/engine.ts';
import type { Fix } from '../../src/drivers/fix.ts';
import { type DriverRecord, failedFilter, heldFixOf, isLive, saysNothingNew } from '../../src/drivers/record.ts';
import { RazielError } from '../../src/errors.ts';
import { bboxContains } from '../../src/geo/boxes.ts';
import { distanceMeters } from '../../src/geo/distance.ts';
import { polygonContains, preparePolygon } from '../../src/geo/polygons.ts';
import { TAGS_DISTINCT_MAX } from '../../src/limits.ts';

export function openOracle(options: EngineOptions): Oracle {
  return new Oracle(options);
}

const compare = (a: DriverRecord, b: DriverRecord): number => Buffer.compare(Buffer.from(a.id), Buffer.from(b.id));

export class Oracle implements DriverEngine {
  readonly kind = 'oracle';
  readonly options: EngineOptions;
  #drivers = new Map<string, DriverRecord>();
  #sweptAtMs = Number.NaN;
  #zones: ZoneSource | undefined;

  constructor(options: EngineOptions) {
    this.options = options;
  }

  apply(batch: Uint8Array, nowMs: number, fixesMax: number): BatchResult {
    return applyBatch(batch, nowMs, fixesMax, {
      options: this.options,
      take: (fix) => this.#take(fix, nowMs),
    });
  }

  #take(fix: Fix, nowMs: number): Outcome {
    this.sweep(nowMs);
    const held = this.#drivers.get(fix.id);
    if (!isLive(fix, nowMs)) return 'stale';
    if (held !== undefined && fix.time < held.time) return 'stale';
    if (held !== undefined && saysNothingNew(fix, held)) return 'duplicate';
    if (this.#tagsWith(fix.tags ?? []).size > TAGS_DISTINCT_MAX) return 'TOO_MANY_TAGS';
    if (held === undefined && this.#drivers.size >= this.options.driversMax) return 'ENGINE_FULL';
    this.#drivers.set(fix.id, { ...fix, tags: fix.tags ?? held?.tags ?? [] });
    return 'accepted';
  }

  search(query: SearchQuery, nowMs: number, ref: Ref, out: ReplyBuffer, offset: number): number {
    const startedAt = performance.now();
    if (this.#drivers.size > this.options.searchCandidatesMax) {
      throw new RazielError('SEARCH_TOO_WIDE', 'the oracle looks at every driver, and there are too many');
    }
    const all = this.matches(query, nowMs);
    const limit = query.kind === 'nearest' ? query.k : query.limit;
    const result = {
      matches: all.slice(0, limit),
      more: query.kind === 'within' && all.length > limit,
      looked: { ...nothingLooked(), cells: 1, candidates: this.#drivers.size },
    };
    return writeAnswer(result, query.explain === true, startedAt, nowMs, ref, out, offset);
  }

  /** Every driver that the query asks for, in order, whatever its k or limit. */
  matches(query: SearchQuery, nowMs: number): Match[] {
    const isInZone = query.zone === undefined ? () => true : this.#inZone(query.zone);
    const live = [...this.#drivers.values()].filter(
      (record) => failedFilter(record, query, nowMs) === undefined && isInZone(record.lat, record.lon),
    );
    const circle = query.kind === 'nearest' ? query : query.area.kind === 'circle' ? query.area : undefined;
    if (circle === undefined) {
      const { area } = query as { area: Area };
      const contains = area.kind === 'zone' ? this.#inZone(area.zone) : containsTest(area);
      const inside = live.filter((record) => contains(record.lat, record.lon));
      return inside.sort(compare).map((record) => ({ record, distance: undefined }));
    }
    return live
      .map((record) => ({ record, distance: distanceMeters(circle.lat, circle.lon, record.lat, record.lon) }))
      .filter((match) => match.distance <= circle.radiusMeters)
      .sort((a, b) => a.distance - b.distance || compare(a.record, b.record));
  }

  driver(id: string, nowMs: number): HeldFix | undefined {
    this.sweep(nowMs);
    const record = this.#drivers.get(id);
    return record === undefined ? undefined : heldFixOf(record, nowMs);
  }

  remove(id: string, nowMs: number): boolean {
    this.sweep(nowMs);
    return this.#drivers.delete(id);
  }

  scan(cursor: number, count: number, nowMs: number, visit: (driver: ScannedDriver) => void): number {
    this.sweep(nowMs);
    for (const record of [...this.#drivers.values()].slice(cursor, cursor + count)) visit(record);
    return cursor + count < this.#drivers.size ? cursor + count : 0;
  }

  sweep(nowMs: number): void {
    // Nobody who is taken at one moment has expired at it: the fix would have been stale.
    if (nowMs === this.#sweptAtMs) return;
    this.#sweptAtMs = nowMs;
    this.#drivers = new Map([...this.#drivers].filter(([, record]) => isLive(record, nowMs)));
  }

  stats(): EngineStats {
    const { driversMax } = this.options;
    return { drivers: this.#drivers.size, driversMax, tags: this.#tagsWith([]).size, bytes: 0 };
  }

  useZones(zones: ZoneSource): void {
    this.#zones = zones;
  }

  close(): void {
    this.#drivers.clear();
  }

  #inZone({ layer, id }: ZoneName): (lat: number, lon: number) => boolean {
    const shape = this.#zones?.shape(layer, id);
    if (shape === undefined)
      throw new RazielError('UNKNOWN_ZONE', `there is no zone ${layer}/${id}`, { field: 'zone' });
    return (lat, lon) => shape.contains(lat, lon);
  }

  #tagsWith(more: readonly string[]): Set<string> {
    return new Set([...[...this.#drivers.values()].flatMap((record) => record.tags), ...more]);
  }
}

function containsTest(area: Area): (lat: number, lon: number) => boolean {
  if (area.kind === 'bbox') {
    return (lat, lon) => bboxContains(area.west, area.south, area.east, area.north, lat, lon);
  }
  const polygons = area.kind === 'polygons' ? area.polygons.map(preparePolygon) : [];
  return (lat, lon) => polygons.some((polygon) => polygonContains(polygon, lat, lon));
}
