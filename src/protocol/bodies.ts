// Bodies of `POST /v1/locations` to the MessagePack of one array of fixes, which is what the engine applies.

import { RazielError } from '../errors.ts';
import { bodyBounds, packMessage, parseJson } from './codec.ts';
import { JsonSizer } from './json-size.ts';
import { isArray, isMap } from './msgpack-walk.ts';
import { show } from './refusal.ts';

export interface FixBatch {
  /** The MessagePack of one array. */
  readonly bytes: Uint8Array;
  /** Why an entry of the array is no fix, by its index; the array holds nil there. Only NDJSON has such. */
  readonly broken?: ReadonlyMap<number, string>;
}

/** A map is one fix, a list is always a list of fixes or rows. That the bytes are whole is for the engine to check. */
export function readMessagePackFixes(body: Uint8Array): FixBatch {
  if (isArray(body)) return { bytes: body };
  if (!isMap(body)) throw noFixes('this');
  const bytes = new Uint8Array(body.length + 1);
  bytes[0] = 0x91;
  bytes.set(body, 1);
  return { bytes };
}

/** As readMessagePackFixes, from JSON. */
export function readJsonFixes(body: Uint8Array): FixBatch {
  const value = readJson(body);
  if (typeof value !== 'object' || value === null) throw noFixes(show(value));
  return { bytes: packMessage(Array.isArray(value) ? value : [value]) };
}

const LINE_FEED = 0x0a;

/**
 * One fix or row a line. A line that is no JSON becomes an entry that the engine rejects, under its index among the lines that are not
 * blank; the others are applied.
 * @throws RazielError TOO_LARGE when all of them together have more lists or members than there may be
 */
export function readNdjsonFixes(body: Uint8Array): FixBatch {
  const fixes: unknown[] = [];
  const broken = new Map<number, string>();
  const sizer = new JsonSizer({ ...bodyBounds(body.length), depthMax: Number.POSITIVE_INFINITY });
  let start = 0;
  while (start < body.length) {
    const feed = body.indexOf(LINE_FEED, start);
    const end = feed < 0 ? body.length : feed;
    const line = body.subarray(start, end);
    start = end + 1;
    if (isBlank(line)) continue;
    sizer.check(line);
    try {
      fixes.push(parseJson(line));
    } catch (error) {
      broken.set(fixes.length, `the line is not JSON: ${(error as Error).message}`);
      fixes.push(null);
    }
  }
  return { bytes: packMessage(fixes), broken };
}

/** @throws RazielError BAD_JSON; TOO_LARGE for more lists or members than there may be */
export function readJson(body: Uint8Array): unknown {
  try {
    return parseJson(body);
  } catch (error) {
    if (error instanceof RazielError) throw error;
    throw new RazielError('BAD_JSON', `the body is not JSON: ${(error as Error).message}`);
  }
}

function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

function noFixes(got: string): RazielError {
  return new RazielError('BAD_REQUEST', `the body must be a fix, or a list of fixes or rows, got ${got}`);
}
