// Encoding and decoding of MessagePack and JSON bodies, in the one configuration that server and client agree on: plain maps, no
// record extension, 64-bit integers as numbers where they are exact.

import { Packr, Unpackr } from 'msgpackr';
import { RazielError } from '../errors.ts';
import {
  JSON_BYTES_PER_LIST_MIN,
  JSON_BYTES_PER_MEMBER_MIN,
  JSON_DEPTH_MAX,
  JSON_LISTS_MAX,
  JSON_MEMBERS_MAX,
  JSON_NAMES_MAX,
} from '../limits.ts';
import { checkJsonSize, type JsonBounds } from './json-size.ts';

export type Encoding = 'json' | 'msgpack';

const packr = new Packr({ useRecords: false, variableMapSize: true, moreTypes: false });
const unpackr = new Unpackr({
  useRecords: false,
  mapsAsObjects: true, // 'auto' is missing from msgpackr's types: a number where it is exact, a bigint elsewhere.
  int64AsType: 'auto' as 'number',
  structuredClone: false,
});
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/**
 * The bytes are the caller's own.
 * @throws RazielError BAD_REQUEST for a value that nests too deep to encode
 */
export function packMessage(value: unknown): Uint8Array {
  try {
    return packr.pack(value);
  } catch (error) {
    if (error instanceof RangeError) throw new RazielError('BAD_REQUEST', 'the value nests too deep');
    throw error;
  }
}

/** As bytes, in either encoding. */
export function encodeMessage(value: unknown, encoding: Encoding): Uint8Array {
  return encoding === 'msgpack' ? packMessage(value) : Buffer.from(JSON.stringify(value));
}

/** Throws on bytes that are not one whole MessagePack value; check untrusted bytes with walkMessage (msgpack-walk.ts) first. */
export function unpackMessage(bytes: Uint8Array): unknown {
  return unpackr.unpack(bytes as Buffer);
}

/**
 * Throws on invalid UTF-8, on anything that is not JSON, and on JSON that is larger than the bounds (checkJsonSize). Small JSON is not
 * looked at for its size.
 */
export function parseJson(bytes: Uint8Array, bounds: JsonBounds = bodyBounds(bytes.length)): unknown {
  if (bytes.length > SMALL_BYTES) checkJsonSize(bytes, bounds);
  return JSON.parse(utf8.decode(bytes));
}

/**
 * JSON.parse takes a third of a second for a megabyte of brackets, and a tenth for one of names that are all different, which a serving thread does
 * not have. What is within the bounds takes 25 ms, twice as long as as many bytes of fixes.
 */
const SMALL_BYTES = 16 * 1024;

/** Of a frame or body of so many bytes. */
export function bodyBounds(bytes: number): JsonBounds {
  return {
    depthMax: JSON_DEPTH_MAX,
    listsMax: Math.max(JSON_LISTS_MAX, Math.floor(bytes / JSON_BYTES_PER_LIST_MIN)),
    membersMax: Math.max(JSON_MEMBERS_MAX, Math.floor(bytes / JSON_BYTES_PER_MEMBER_MIN)),
    namesMax: JSON_NAMES_MAX,
    valuesMax: Number.POSITIVE_INFINITY,
  };
}
