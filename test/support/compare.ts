// Whether an engine's answer is right, given every match that the oracle found. API.md leaves a millimetre: two drivers whose distances differ by less may
// come in either order, one within it of a radius may be in or out. Nothing else is left open: at one position ids decide.

import assert from 'node:assert/strict';
import type { Match } from '../../src/drivers/answer.ts';
import { compareBytes } from '../../src/drivers/bytes.ts';
import type { SearchQuery } from '../../src/drivers/engine.ts';
import type { DriverRecord } from '../../src/drivers/record.ts';
import { distanceMeters } from '../../src/geo/distance.ts';
import type { Answer, AnsweredDriver } from './engines.ts';

const MILLIMETER = 0.001;

/**
 * @param matchesFor every match of a query in the oracle, whatever its k or limit
 * @throws AssertionError when the answer is not one that the query may have
 */
export function checkAnswer(
  query: SearchQuery,
  answer: Answer,
  nowMs: number,
  matchesFor: (query: SearchQuery) => readonly Match[],
): void {
  const radius = radiusOf(query);
  if (radius === undefined) checkByIds(query, answer, nowMs, matchesFor(query));
  else checkByDistance(query, answer, nowMs, matchesFor(withRadius(query, radius + MILLIMETER)), radius);
}

function checkByIds(query: SearchQuery, answer: Answer, nowMs: number, matches: readonly Match[]): void {
  assert(query.kind === 'within');
  const cut = matches.length > query.limit;
  assert.equal(answer.more === true, cut, 'more');
  assert.equal(answer.drivers.length, Math.min(query.limit, matches.length), 'how many drivers');
  const byId = new Map(matches.map((match) => [match.record.id, match]));
  answer.drivers.forEach((driver, i) => {
    const match = byId.get(driver.id);
    assert(match !== undefined, `${driver.id} is no match`);
    checkDriver(driver, match, nowMs);
    const next = answer.drivers[i + 1];
    assert(next === undefined || compareBytes(driver.id, next.id) < 0, 'by id, each once');
  });
}

/** @param matches those within the radius and a millimetre more */
function checkByDistance(
  query: SearchQuery,
  answer: Answer,
  nowMs: number,
  matches: readonly Match[],
  radius: number,
): void {
  const limit = query.kind === 'nearest' ? query.k : query.limit;
  const byId = new Map(matches.map((match) => [match.record.id, match]));
  const found = answer.drivers.map((driver) => {
    const match = byId.get(driver.id);
    assert(match !== undefined, `${driver.id} is no match`);
    checkDriver(driver, match, nowMs);
    return match;
  });
  assert.equal(new Set(found).size, found.length, 'each driver once');
  assert(found.length <= limit, 'no more than asked for');
  found.forEach((match, i) => {
    const next = found[i + 1];
    if (next !== undefined) assert(mayPrecede(match, next), `${match.record.id} before ${next.record.id}`);
  });
  const sure = matches.filter((match) => distanceOf(match) <= radius - MILLIMETER);
  const missing = matches.filter((match) => !found.includes(match));
  if (query.kind === 'within' && answer.more !== true) assert(found.length >= sure.length, 'cut without saying so');
  if (query.kind === 'within' && answer.more === true) {
    assert(found.length === limit && matches.length > limit, 'more than there are');
    return; // which ones are kept is not promised
  }
  const last = found[found.length - 1];
  for (const match of missing) {
    if (found.length < limit) assert(!sure.includes(match), `${match.record.id} is missing`);
    else assert(last === undefined || mayPrecede(last, match), `${match.record.id} is nearer than the last`);
  }
  // The members of one position are taken by id.
  for (const match of missing) {
    for (const other of found) {
      if (samePosition(match.record, other.record) && sure.includes(match)) {
        assert(compareBytes(other.record.id, match.record.id) < 0, `${match.record.id} goes before ${other.record.id}`);
      }
    }
  }
}

const distanceOf = (match: Match): number => match.distance as number;

function mayPrecede(a: Match, b: Match): boolean {
  if (samePosition(a.record, b.record)) return compareBytes(a.record.id, b.record.id) < 0;
  return distanceOf(a) < distanceOf(b) + MILLIMETER;
}

const samePosition = (a: DriverRecord, b: DriverRecord): boolean =>
  a.lat === b.lat && (a.lon === b.lon || distanceMeters(a.lat, a.lon, b.lat, b.lon) === 0);

function checkDriver(driver: AnsweredDriver, { record, distance }: Match, nowMs: number): void {
  if (distance === undefined) assert(!('distance' in driver), 'no distance');
  else assert(Math.abs((driver.distance ?? Number.NaN) - distance) < MILLIMETER, `distance of ${driver.id}`);
  const { distance: _, ...rest } = driver;
  const expected: Record<string, unknown> = { id: record.id, lat: record.lat, lon: record.lon };
  expected['age'] = (nowMs - record.time) / 1000;
  if (record.heading !== undefined) expected['heading'] = record.heading;
  if (record.speed !== undefined) expected['speed'] = record.speed;
  if (record.tags.length > 0) expected['tags'] = record.tags;
  assert.deepEqual(rest, expected);
}

function radiusOf(query: SearchQuery): number | undefined {
  if (query.kind === 'nearest') return query.radiusMeters;
  return query.area.kind === 'circle' ? query.area.radiusMeters : undefined;
}

function withRadius(query: SearchQuery, radiusMeters: number): SearchQuery {
  if (query.kind === 'nearest') return { ...query, radiusMeters };
  return query.area.kind === 'circle' ? { ...query, area: { ...query.area, radiusMeters } } : query;
}
