// The answer of a search as the JavaScript engines write it: one MessagePack map into the caller's buffer.
//
//   { ref?, drivers: [{ id, lat, lon, distance?, age, heading?, speed?, tags? }, …], more?, tookMicros, explain? }
//
// The native engine writes the same by hand; test/contract decodes both.

import { Packr } from 'msgpackr';
import type { Ref, ReplyBuffer } from './engine.ts';
import type { DriverRecord, FilterName } from './record.ts';

export interface Match {
  readonly record: DriverRecord;
  /** Metres; undefined where the answer names none. */
  readonly distance: number | undefined;
}

/** What a search looked at; the shape of `explain` but for the microseconds. */
export interface Looked {
  /** Cells of the index that were opened. */
  cells: number;
  /** Drivers that were looked at. */
  candidates: number;
  /** Of those, how many each condition refused; a driver counts under the first that it fails, in this order. */
  readonly rejected: Record<FilterName | 'distance' | 'area', number>;
}

export interface SearchResult {
  readonly matches: readonly Match[];
  readonly more: boolean;
  readonly looked: Looked;
}

export function nothingLooked(): Looked {
  return {
    cells: 0,
    candidates: 0,
    rejected: { expired: 0, maxAge: 0, tags: 0, anyTags: 0, notTags: 0, distance: 0, area: 0 },
  };
}

const packr = new Packr({ useRecords: false, variableMapSize: true });

const microsSince = (start: number): number => Math.max(0, Math.round((performance.now() - start) * 1000));

/**
 * Writes the answer from `offset` on and returns the offset behind it; grows `out` as needed.
 * @param startedAt `performance.now()` of when the search began
 */
export function writeAnswer(
  result: SearchResult,
  explain: boolean,
  startedAt: number,
  nowMs: number,
  ref: Ref,
  out: ReplyBuffer,
  offset: number,
): number {
  const searchMicros = microsSince(startedAt);
  const drivers = result.matches.map((match) => answerDriver(match, nowMs));
  const body: Record<string, unknown> = ref === undefined ? {} : { ref };
  body['drivers'] = drivers;
  if (result.more) body['more'] = true;
  if (explain) {
    // Encoding is measured on a first copy, because its time is part of what is encoded.
    const encodeStart = performance.now();
    packr.pack(drivers);
    const micros = { search: searchMicros, encode: microsSince(encodeStart) };
    body['tookMicros'] = microsSince(startedAt);
    body['explain'] = { ...result.looked, micros };
  } else {
    body['tookMicros'] = searchMicros;
  }
  const bytes = packr.pack(body);
  const end = offset + bytes.length;
  if (end > out.bytes.length) {
    const grown = new Uint8Array(Math.max(end, 2 * out.bytes.length));
    grown.set(out.bytes.subarray(0, offset));
    out.bytes = grown;
  }
  out.bytes.set(bytes, offset);
  return end;
}

function answerDriver({ record, distance }: Match, nowMs: number): Record<string, unknown> {
  const driver: Record<string, unknown> = { id: record.id, lat: record.lat, lon: record.lon };
  if (distance !== undefined) driver['distance'] = distance;
  driver['age'] = (nowMs - record.time) / 1000;
  if (record.heading !== undefined) driver['heading'] = record.heading;
  if (record.speed !== undefined) driver['speed'] = record.speed;
  if (record.tags.length > 0) driver['tags'] = record.tags;
  return driver;
}
