// One decoded fix, from the outside, made into a typed one or refused with a code. Every engine follows these rules to the letter; the
// native one decides the codes itself, over the bytes, and has the messages made here.
//
// Rules, beside API.md:
// - A fix is a map by name or a row by position, `[id, lat, lon, time, heading, speed, accuracy, tags, ttl]`, of 1 to 9 elements; a longer
//   or an empty row is BAD_FIX. Unknown names in a map are ignored, of one name given twice the last counts, null is absent.
// - `id`: a string of 1..128 bytes of valid UTF-8, without U+FFFD (what broken UTF-8 is decoded to). Numbers are refused.
// - `lat` −90..90, `lon` −180..180, `heading` 0..360, `speed` and `accuracy` 0 or more: finite numbers, bounds included.
// - `time`: a finite number 0..8.64e15 (fractions are kept) or ISO 8601 as time.ts has it; absent is the server's now.
// - `tags`: an array of strings of 1..64 bytes, without a comma and without U+FFFD; repeats are folded; absent is unchanged, [] is none.
// - `ttl`: seconds, over 0, up to 30 days, fractions allowed; absent is the engine's default.
// - What is checked, and reported, first is the first in the order of FIX_CODES in errors.ts. Two depend on the engine and are said of
//   fixes only that would be applied, neither stale nor duplicates: TOO_MANY_TAGS when as many distinct tags are in use as there may be (those
//   that this fix would free count as in use), then ENGINE_FULL.

import { FUTURE_MS_MAX, ID_BYTES_MAX, TAG_BYTES_MAX, TAGS_PER_DRIVER_MAX, TTL_SECONDS_MAX } from '../limits.ts';
import type { FixCode } from '../errors.ts';
import { compareBytes, isTextOf } from './bytes.ts';
import { parseIsoTime } from './time.ts';

/** The last moment that a JavaScript Date can name. */
const TIME_MS_MAX = 8.64e15;

/** A valid fix. Absent fields are undefined; `tags` distinct and sorted by bytes, undefined for unchanged. */
export interface Fix {
  readonly id: string;
  readonly lat: number;
  readonly lon: number;
  readonly time: number;
  readonly heading: number | undefined;
  readonly speed: number | undefined;
  readonly accuracy: number | undefined;
  readonly tags: readonly string[] | undefined;
  readonly ttlSeconds: number;
}

/** The nine values of a fix in the order of a row; undefined or null for what is absent. */
export type FixFields = readonly unknown[];

const NAMES = ['id', 'lat', 'lon', 'time', 'heading', 'speed', 'accuracy', 'tags', 'ttl'] as const;

/** The values of a map (a Map or a plain object) or a row; undefined when it is neither, or a row of a wrong length. */
export function fieldsOf(value: unknown): FixFields | undefined {
  if (Array.isArray(value)) return value.length >= 1 && value.length <= NAMES.length ? value : undefined;
  if (value instanceof Map) return NAMES.map((name) => value.get(name));
  if (typeof value !== 'object' || value === null) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return undefined;
  return NAMES.map((name) => (Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined));
}

const inRange = (value: unknown, min: number, max: number): value is number =>
  typeof value === 'number' && value >= min && value <= max;

/** Undefined and null are both absent; what is present must be in the range. */
const absentOrInRange = (value: unknown, min: number, max: number): boolean =>
  value === undefined || value === null || inRange(value, min, max);

const orUndefined = (value: unknown): number | undefined => (value as number | null | undefined) ?? undefined;

/** Milliseconds of a time that is present; undefined for a bad one. */
function timeOf(value: unknown): number | undefined {
  if (typeof value === 'string') return parseIsoTime(value);
  return inRange(value, 0, TIME_MS_MAX) ? value : undefined;
}

const isTag = (value: unknown): value is string => isTextOf(value, TAG_BYTES_MAX) && !value.includes(',');

/**
 * Checks one decoded fix.
 * @returns the fix, or the code of the first rule that it breaks. Whether it fits beside what is held is the engine's to say.
 */
export function checkFix(value: unknown, nowMs: number, ttlSecondsDefault: number): Fix | FixCode {
  const fields = fieldsOf(value);
  if (fields === undefined) return 'BAD_FIX';
  const [id, lat, lon, time, heading, speed, accuracy, tags, ttl] = fields;
  if (!isTextOf(id, ID_BYTES_MAX)) return 'BAD_ID';
  if (!inRange(lat, -90, 90)) return 'BAD_LAT';
  if (!inRange(lon, -180, 180)) return 'BAD_LON';
  const timeMs = time === undefined || time === null ? nowMs : timeOf(time);
  if (timeMs === undefined) return 'BAD_TIME';
  if (timeMs > nowMs + FUTURE_MS_MAX) return 'FUTURE_TIME';
  if (!absentOrInRange(heading, 0, 360)) return 'BAD_HEADING';
  if (!absentOrInRange(speed, 0, Number.MAX_VALUE)) return 'BAD_SPEED';
  if (!absentOrInRange(accuracy, 0, Number.MAX_VALUE)) return 'BAD_ACCURACY';
  let distinct: string[] | undefined;
  if (tags !== undefined && tags !== null) {
    if (!Array.isArray(tags) || !tags.every(isTag)) return 'BAD_TAGS';
    distinct = [...new Set(tags)].sort(compareBytes);
    if (distinct.length > TAGS_PER_DRIVER_MAX) return 'TOO_MANY_TAGS';
  }
  const ttlSeconds = ttl ?? ttlSecondsDefault;
  if (!inRange(ttlSeconds, Number.MIN_VALUE, TTL_SECONDS_MAX)) return 'BAD_TTL';
  return {
    id,
    lat,
    lon,
    time: timeMs,
    heading: orUndefined(heading),
    speed: orUndefined(speed),
    accuracy: orUndefined(accuracy),
    tags: distinct,
    ttlSeconds,
  };
}
