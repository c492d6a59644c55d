// Searches of the portable engine over its shards: boxes that cover the area give the candidates, exact tests decide.
//
// Nearest grows a circle until k drivers are inside or the radius is reached. A driver that one circle has judged is not judged again
// by the next, so the candidates that count against the budget are different drivers, but for the corners of boxes.

import { RazielError } from '../errors.ts';
import { bboxContains, coverBbox, coverCircle, coverSpan, type FlatBox, intersectBoxes } from '../geo/boxes.ts';
import { distanceMeters } from '../geo/distance.ts';
import { coverPolygon, polygonContains, preparePolygon } from '../geo/polygons.ts';
import { type Looked, type Match, nothingLooked, type SearchResult } from './answer.ts';
import { compareBytes } from './bytes.ts';
import type { Area, NearestQuery, SearchQuery, WithinQuery, ZoneSource } from './engine.ts';
import { type DriverRecord, failedFilter } from './record.ts';
import type { IndexedDriver, Shards } from './shards.ts';
import { findZone, type FoundZone } from './zone-source.ts';

const FIRST_CIRCLE_METERS = 250;

/** A test of a polygon with this many vertices counts as one more candidate, so that the budget bounds the time and not only the number. */
const VERTICES_PER_CANDIDATE = 256;

/**
 * @param zones where a `zone` of the query is looked up; undefined when there are none
 * @throws RazielError SEARCH_TOO_WIDE when it would look at more than `candidatesMax` drivers, UNKNOWN_ZONE
 */
export function searchShards(
  shards: Shards,
  query: SearchQuery,
  nowMs: number,
  candidatesMax: number,
  zones: ZoneSource | undefined,
): SearchResult {
  const search = new Search(shards, query, nowMs, candidatesMax, zones);
  if (query.kind === 'nearest') return search.nearest(query);
  return query.area.kind === 'circle' ? search.circle(query, query.area) : search.area(query, query.area);
}

const byDistance = (a: Match, b: Match): number =>
  (a.distance as number) - (b.distance as number) || compareBytes(a.record.id, b.record.id);

const byId = (a: Match, b: Match): number => compareBytes(a.record.id, b.record.id);

class Search {
  readonly #shards: Shards;
  readonly #query: SearchQuery;
  readonly #nowMs: number;
  readonly #candidatesMax: number;
  readonly #looked: Looked = nothingLooked();
  readonly #zones: ZoneSource | undefined;
  /** Of the filter `zone`. */
  readonly #zone: FoundZone | undefined;
  readonly #zoneBoxes: readonly FlatBox[];
  #spent = 0;

  constructor(shards: Shards, query: SearchQuery, nowMs: number, candidatesMax: number, zones: ZoneSource | undefined) {
    this.#zones = zones;
    this.#zone = query.zone === undefined ? undefined : findZone(zones, query.zone);
    this.#zoneBoxes = this.#zone === undefined ? [] : boxesOf(this.#zone);
    this.#shards = shards;
    this.#query = query;
    this.#nowMs = nowMs;
    this.#candidatesMax = candidatesMax;
  }

  nearest({ lat, lon, k, radiusMeters }: NearestQuery): SearchResult {
    const matches: Match[] = [];
    let judged = -1;
    for (let radius = Math.min(FIRST_CIRCLE_METERS, radiusMeters); ; radius = Math.min(2 * radius, radiusMeters)) {
      this.#collectCircle(lat, lon, judged, radius, matches);
      if (matches.length >= k || radius >= radiusMeters) break;
      judged = radius;
    }
    return { matches: matches.sort(byDistance).slice(0, k), more: false, looked: this.#looked };
  }

  circle({ limit }: WithinQuery, { lat, lon, radiusMeters }: Area & { kind: 'circle' }): SearchResult {
    const matches: Match[] = [];
    this.#collectCircle(lat, lon, -1, radiusMeters, matches);
    const more = matches.length > limit;
    return { matches: matches.sort(byDistance).slice(0, limit), more, looked: this.#looked };
  }

  /** Stops at the first driver past the limit: which ones an answer keeps is not promised. */
  area({ limit }: WithinQuery, area: Exclude<Area, { kind: 'circle' }>): SearchResult {
    const { boxes, contains, cost } = areaTest(area, this.#zones);
    const matches: Match[] = [];
    let more = false;
    this.#visit(boxes, ({ record }) => {
      this.#look();
      if (!this.#passes(record)) return true;
      this.#spend(cost);
      if (!contains(record.lat, record.lon)) this.#looked.rejected.area++;
      else if (matches.length === limit) more = true;
      else matches.push({ record, distance: undefined });
      return !more;
    });
    return { matches: matches.sort(byId), more, looked: this.#looked };
  }

  /** Collects matches with judged < distance ≤ radius. */
  #collectCircle(lat: number, lon: number, judged: number, radius: number, matches: Match[]): void {
    this.#visit(coverCircle(lat, lon, radius), ({ record }) => {
      const distance = distanceMeters(lat, lon, record.lat, record.lon);
      if (distance <= judged) return true;
      this.#look();
      if (!this.#passes(record)) return true;
      if (distance > radius) this.#looked.rejected.distance++;
      else matches.push({ record, distance });
      return true;
    });
  }

  #visit(boxes: readonly FlatBox[], visit: (driver: IndexedDriver) => boolean): void {
    const asked = this.#zone === undefined ? boxes : intersectBoxes(boxes, this.#zoneBoxes);
    this.#looked.cells += this.#shards.visit(asked, (driver) => visit(driver));
  }

  #look(): void {
    this.#looked.candidates++;
    this.#spend(1);
  }

  #spend(candidates: number): void {
    this.#spent += candidates;
    if (this.#spent <= this.#candidatesMax) return;
    throw new RazielError(
      'SEARCH_TOO_WIDE',
      `the search would look at more than ${this.#candidatesMax} candidates; make its area or radius smaller`,
    );
  }

  #passes(record: DriverRecord): boolean {
    const failed = failedFilter(record, this.#query, this.#nowMs);
    if (failed !== undefined) this.#looked.rejected[failed]++;
    if (failed !== undefined || this.#zone === undefined) return failed === undefined;
    this.#spend(costOf(this.#zone.vertices));
    const isInside = this.#zone.contains(record.lat, record.lon);
    if (!isInside) this.#looked.rejected.area++;
    return isInside;
  }
}

interface AreaTest {
  readonly boxes: readonly FlatBox[];
  readonly contains: (lat: number, lon: number) => boolean;
  /** Candidates that one test counts for, beyond the driver itself. */
  readonly cost: number;
}

function areaTest(area: Exclude<Area, { kind: 'circle' }>, zones: ZoneSource | undefined): AreaTest {
  if (area.kind === 'bbox') {
    const { west, south, east, north } = area;
    return {
      boxes: coverBbox(west, south, east, north),
      contains: (lat, lon) => bboxContains(west, south, east, north, lat, lon),
      cost: 0,
    };
  }
  if (area.kind === 'zone') {
    const zone = findZone(zones, area.zone);
    return { boxes: boxesOf(zone), contains: zone.contains, cost: costOf(zone.vertices) };
  }
  const polygons = area.polygons.map(preparePolygon);
  const vertices = polygons.reduce((sum, polygon) => sum + polygon.vertices, 0);
  return {
    boxes: polygons.flatMap(coverPolygon),
    contains: (lat, lon) => polygons.some((polygon) => polygonContains(polygon, lat, lon)),
    cost: costOf(vertices),
  };
}

/** What a test of an area with that many vertices counts for. */
function costOf(vertices: number): number {
  return Math.floor(vertices / VERTICES_PER_CANDIDATE);
}

function boxesOf({ boxes }: FoundZone): FlatBox[] {
  return boxes.flatMap(([west, south, east, north]) => coverSpan(west, east, south, north));
}
