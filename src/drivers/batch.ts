// A batch of fixes as bytes, applied one by one by a JavaScript engine: decoding, checking and counting are the same for both of them.

import { Unpackr } from 'msgpackr';
import { type FixCode, RazielError } from '../errors.ts';
import type { BatchResult, EngineOptions, RejectedFix } from './engine.ts';
import { checkFix, type Fix } from './fix.ts';
import { rejectedFix } from './rejected.ts';
import { arrayLength, checkedMessagePack } from './wellformed.ts';

export type Outcome = 'accepted' | 'stale' | 'duplicate' | FixCode;

/** What an engine does with fixes. */
export interface FixTaker {
  readonly options: EngineOptions;
  /** Applies a valid fix, or says why not. */
  take(fix: Fix): Outcome;
}

// Maps as Map: names are then data, and none of them (`__proto__`) is special.
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: false, int64AsType: 'number' });

/** @throws RazielError BAD_MSGPACK, BAD_REQUEST and TOO_LARGE as `DriverEngine.apply`; nothing is applied then. */
export function applyBatch(batch: Uint8Array, nowMs: number, fixesMax: number, taker: FixTaker): BatchResult {
  const counts = { accepted: 0, stale: 0, duplicate: 0 };
  const rejected: RejectedFix[] = [];
  for (const [index, value] of decodeBatch(batch, fixesMax).entries()) {
    const checked = checkFix(value, nowMs, taker.options.ttlSecondsDefault);
    const outcome = typeof checked === 'string' ? checked : taker.take(checked);
    if (outcome === 'accepted' || outcome === 'stale' || outcome === 'duplicate') counts[outcome]++;
    else rejected.push(rejectedFix(index, outcome, value, taker.options));
  }
  return { ...counts, rejected };
}

/**
 * The fixes of a batch as decoded: maps as Map, rows as arrays, anything else as it came.
 * @throws RazielError BAD_MSGPACK, BAD_REQUEST and TOO_LARGE as `DriverEngine.apply`
 */
export function decodeBatch(batch: Uint8Array, fixesMax: number): readonly unknown[] {
  const bytes = checkedMessagePack(batch);
  const length = arrayLength(bytes);
  if (length < 0) throw new RazielError('BAD_REQUEST', 'a batch must be an array of fixes or rows');
  if (length > fixesMax)
    throw new RazielError('TOO_LARGE', `a batch may have ${fixesMax} fixes at most, got ${length}`);
  return unpackr.unpack(bytes) as unknown[];
}
