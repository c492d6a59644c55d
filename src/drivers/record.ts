// A driver as the JavaScript engines hold it, and the rules of its life: when it is live, which fixes are stale, which say nothing new.

import type { Filters, HeldFix } from './engine.ts';
import type { Fix } from './fix.ts';

/** The fix held; `tags` sorted by bytes, empty for none. */
export interface DriverRecord extends Fix {
  readonly tags: readonly string[];
}

/** Live up to and including the moment at which the age is the ttl. The same arithmetic in every engine, so that they agree to the bit. */
export function isLive(fix: { readonly time: number; readonly ttlSeconds: number }, nowMs: number): boolean {
  return nowMs - fix.time <= fix.ttlSeconds * 1000;
}

/**
 * Whether a fix says exactly what is held already: every field equal, the tags only when the fix brings some. Positions are compared as
 * given, so −180 and 180 differ here.
 */
export function saysNothingNew(fix: Fix, held: DriverRecord): boolean {
  return (
    fix.time === held.time &&
    fix.lat === held.lat &&
    fix.lon === held.lon &&
    fix.heading === held.heading &&
    fix.speed === held.speed &&
    fix.accuracy === held.accuracy &&
    fix.ttlSeconds === held.ttlSeconds &&
    (fix.tags === undefined || sameTags(fix.tags, held.tags))
  );
}

function sameTags(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((tag, i) => tag === b[i]);
}

/** The filter that a driver fails, `expired` before all; undefined when it passes. */
export type FilterName = 'expired' | 'maxAge' | 'tags' | 'anyTags' | 'notTags';

export function failedFilter(record: DriverRecord, filters: Filters, nowMs: number): FilterName | undefined {
  if (!isLive(record, nowMs)) return 'expired';
  if (filters.maxAgeSeconds !== undefined && nowMs - record.time > filters.maxAgeSeconds * 1000) return 'maxAge';
  const carries = (tag: string): boolean => record.tags.includes(tag);
  if (filters.tags !== undefined && !filters.tags.every(carries)) return 'tags';
  if (filters.anyTags !== undefined && !filters.anyTags.some(carries)) return 'anyTags';
  if (filters.notTags?.some(carries)) return 'notTags';
  return undefined;
}

/** What `driver` answers. */
export function heldFixOf(record: DriverRecord, nowMs: number): HeldFix {
  return {
    id: record.id,
    lat: record.lat,
    lon: record.lon,
    time: record.time,
    ...(record.heading === undefined ? {} : { heading: record.heading }),
    ...(record.speed === undefined ? {} : { speed: record.speed }),
    ...(record.accuracy === undefined ? {} : { accuracy: record.accuracy }),
    ...(record.tags.length === 0 ? {} : { tags: record.tags }),
    ttl: record.ttlSeconds,
    age: (nowMs - record.time) / 1000,
  };
}
