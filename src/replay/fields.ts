// From the values of a line, whatever they were written as, to a fix; shared by every format.

import { ID_BYTES_MAX, TAG_BYTES_MAX, TAGS_PER_DRIVER_MAX } from '../limits.ts';
import type { Entry, Fault, TrackFix } from './entry.ts';
import { parseTime, type TimeUnit } from './time.ts';

export type SpeedUnit = 'mps' | 'kmh' | 'mph' | 'knots';

/** Metres per second in one of each. */
export const METERS_PER_SECOND: Record<SpeedUnit, number> = { mps: 1, kmh: 1 / 3.6, mph: 0.44704, knots: 1852 / 3600 };

/** A tag that a driver carries when a column has a value: `occupied=0:free`. */
export interface TagRule {
  readonly column: string;
  readonly value: string;
  readonly tag: string;
}

const TIME_TEXT: Record<TimeUnit, string> = {
  s: 'a number of seconds',
  ms: 'a number of milliseconds',
  iso: 'a date and time',
  auto: 'a number or a date and time',
};

export interface FieldOptions {
  readonly timeUnit: TimeUnit;
  readonly speedUnit: SpeedUnit;
  readonly tagRules: readonly TagRule[];
}

/** Values as found; undefined, null and '' are all absent. */
export interface RawFields {
  id: unknown;
  lat: unknown;
  lon: unknown;
  time: unknown;
  heading: unknown;
  speed: unknown;
  accuracy: unknown;
  tags: unknown;
  ttl: unknown;
}

/**
 * One line's fix, or its fault. Ranges are left to the server, which rejects with the same codes; this finds what is no number,
 * no time or no id at all, and what would make a batch too large. `valueOf` gives another column by name, for the tag rules.
 */
export function entryOf(
  file: number,
  line: number,
  raw: RawFields,
  valueOf: (column: string) => unknown,
  options: FieldOptions,
): Entry {
  const fix = fixOf(raw, valueOf, options);
  return 'code' in fix ? { file, line, fix: undefined, fault: fix } : { file, line, fix, fault: undefined };
}

function fixOf(raw: RawFields, valueOf: (column: string) => unknown, options: FieldOptions): TrackFix | Fault {
  if (isAbsent(raw.id)) return { code: 'BAD_ID', message: 'there is no id' };
  const id = String(raw.id);
  if (isLonger(id, ID_BYTES_MAX))
    return { code: 'BAD_ID', message: `the id is longer than ${ID_BYTES_MAX} bytes: ${show(id)}` };
  const lat = numberOf(raw.lat);
  if (lat === undefined || Number.isNaN(lat)) return fault('BAD_LAT', 'lat', raw.lat);
  const lon = numberOf(raw.lon);
  if (lon === undefined || Number.isNaN(lon)) return fault('BAD_LON', 'lon', raw.lon);
  let timeMs: number | undefined;
  if (!isAbsent(raw.time)) {
    timeMs = parseTime(raw.time as string | number, options.timeUnit);
    if (timeMs === undefined)
      return { code: 'BAD_TIME', message: `time must be ${TIME_TEXT[options.timeUnit]}, got ${show(raw.time)}` };
  }
  const heading = numberOf(raw.heading);
  if (Number.isNaN(heading)) return fault('BAD_HEADING', 'heading', raw.heading);
  let speed = numberOf(raw.speed);
  if (Number.isNaN(speed)) return fault('BAD_SPEED', 'speed', raw.speed);
  if (speed !== undefined) speed *= METERS_PER_SECOND[options.speedUnit];
  const accuracy = numberOf(raw.accuracy);
  if (Number.isNaN(accuracy)) return fault('BAD_ACCURACY', 'accuracy', raw.accuracy);
  const ttl = numberOf(raw.ttl);
  if (Number.isNaN(ttl)) return fault('BAD_TTL', 'ttl', raw.ttl);
  const tags = tagsOf(raw.tags, valueOf, options.tagRules);
  if (tags !== undefined && (tags.length > TAGS_PER_DRIVER_MAX || tags.some((tag) => isLonger(tag, TAG_BYTES_MAX)))) {
    const message = `a fix has ${TAGS_PER_DRIVER_MAX} tags of ${TAG_BYTES_MAX} bytes at most, got ${show(tags)}`;
    return { code: 'BAD_TAGS', message };
  }
  return { id, lat, lon, timeMs, heading, speed, accuracy, tags, ttl };
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function isLonger(text: string, bytesMax: number): boolean {
  return 3 * text.length > bytesMax && Buffer.byteLength(text) > bytesMax;
}

/** undefined when absent, NaN when it is no number. */
function numberOf(value: unknown): number | undefined {
  if (isAbsent(value)) return undefined;
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim() === '') return Number.NaN;
  const number = Number(value);
  return Number.isFinite(number) ? number : Number.NaN;
}

/** Tags as a list, or as text separated by `|`, `;` or spaces; the rules' tags behind them. Undefined when nothing speaks of tags. */
function tagsOf(raw: unknown, valueOf: (column: string) => unknown, rules: readonly TagRule[]): string[] | undefined {
  if (isAbsent(raw) && rules.length === 0) return undefined;
  const tags = new Set<string>();
  if (Array.isArray(raw)) for (const tag of raw) tags.add(String(tag));
  else if (!isAbsent(raw)) for (const tag of String(raw).split(/[|; ]+/)) if (tag !== '') tags.add(tag);
  for (const { column, value, tag } of rules) if (String(valueOf(column) ?? '').trim() === value) tags.add(tag);
  return [...tags];
}

function fault(code: string, field: string, value: unknown): Fault {
  return { code, message: isAbsent(value) ? `there is no ${field}` : `${field} must be a number, got ${show(value)}` };
}

/** A value for a message: one line, and not long. */
export function show(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
