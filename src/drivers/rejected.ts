// What a client reads about a fix that was rejected: which rule, and which value broke it, in a line that never grows with the value.
//
//   rejectedFix(3, 'BAD_LAT', ['driver:42', 123.4, 0], options)
//   // { index: 3, code: 'BAD_LAT', message: 'lat must be within -90..90, got 123.4' }

import type { FixCode } from '../errors.ts';
import { ID_BYTES_MAX, TAG_BYTES_MAX, TAGS_DISTINCT_MAX, TAGS_PER_DRIVER_MAX, TTL_SECONDS_MAX } from '../limits.ts';
import type { EngineOptions, RejectedFix } from './engine.ts';
import { isTextOf } from './bytes.ts';
import { fieldsOf } from './fix.ts';

const SHOWN_CHARS_MAX = 48;

/**
 * Makes the rejection of one fix.
 * @param index of the fix in its batch, from 0
 * @param value the fix as decoded (Map, plain object, array, or anything for BAD_FIX); bigints are welcome
 */
export function rejectedFix(index: number, code: FixCode, value: unknown, options: EngineOptions): RejectedFix {
  return { index, code, message: messageOf(code, value, options) };
}

function messageOf(code: FixCode, value: unknown, options: EngineOptions): string {
  const [id, lat, lon, time, heading, speed, accuracy, tags, ttl] = fieldsOf(value) ?? [];
  switch (code) {
    case 'BAD_FIX':
      return Array.isArray(value)
        ? `a fix as a row must have 1..9 elements, got ${value.length}`
        : `a fix must be a map or a row, got ${show(value)}`;
    case 'BAD_ID':
      return `id must be a string of 1..${ID_BYTES_MAX} bytes of UTF-8, got ${showText(id)}`;
    case 'BAD_LAT':
      return `lat must be within -90..90, got ${show(lat)}`;
    case 'BAD_LON':
      return `lon must be within -180..180, got ${show(lon)}`;
    case 'BAD_TIME':
      return `time must be milliseconds since 1970 or ISO 8601 with an offset, got ${show(time)}`;
    case 'FUTURE_TIME':
      return `time must not be more than 60 s ahead of the server's clock, got ${show(time)}`;
    case 'BAD_HEADING':
      return `heading must be within 0..360, got ${show(heading)}`;
    case 'BAD_SPEED':
      return `speed must be a number of m/s, 0 or more, got ${show(speed)}`;
    case 'BAD_ACCURACY':
      return `accuracy must be a number of metres, 0 or more, got ${show(accuracy)}`;
    case 'BAD_TAGS':
      return `tags must be an array of strings of 1..${TAG_BYTES_MAX} bytes without a comma, got ${showTags(tags)}`;
    case 'TOO_MANY_TAGS':
      return tooManyTags(tags);
    case 'BAD_TTL':
      return `ttl must be seconds over 0, up to ${TTL_SECONDS_MAX}, got ${show(ttl)}`;
    case 'ENGINE_FULL':
      return `the engine holds ${options.driversMax} drivers already and takes no new one`;
  }
}

function tooManyTags(tags: unknown): string {
  const distinct = new Set(Array.isArray(tags) ? tags : []).size;
  return distinct > TAGS_PER_DRIVER_MAX
    ? `a driver may have ${TAGS_PER_DRIVER_MAX} tags at most, got ${distinct}`
    : `the server knows ${TAGS_DISTINCT_MAX} distinct tags at most, and all are in use`;
}

/** For values whose length may be what is wrong. */
function showText(value: unknown): string {
  if (typeof value !== 'string' || value.length <= SHOWN_CHARS_MAX) return show(value);
  return `${show(value)} (${Buffer.byteLength(value, 'utf8')} bytes)`;
}

function showTags(tags: unknown): string {
  if (!Array.isArray(tags)) return show(tags);
  const bad: unknown = tags.find((tag) => !isTextOf(tag, TAG_BYTES_MAX) || tag.includes(','));
  return bad === undefined && !tags.includes(undefined) ? 'an array' : `an array with ${showText(bad)}`;
}

/** A value in a few characters: numbers and short strings as they are, long strings cut, the rest by its kind. */
function show(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (typeof value === 'string') {
    const cut = value.slice(0, SHOWN_CHARS_MAX).replace(/[\ud800-\udbff]$/, '');
    return JSON.stringify(cut === value ? value : `${cut}…`);
  }
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return 'an array';
  return value instanceof Uint8Array ? 'bytes' : 'a map';
}
