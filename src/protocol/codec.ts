// Encoding and decoding of MessagePack and JSON bodies, in the one configuration that server and client agree on: plain maps, no
// record extension, 64-bit integers as numbers where they are exact.

import { Packr, Unpackr } from 'msgpackr';
import { RazielError } from '../errors.ts';

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

/** Throws on bytes that are not one whole MessagePack value; check untrusted bytes with walkMessage (msgpack-walk.ts) first. */
export function unpackMessage(bytes: Uint8Array): unknown {
  return unpackr.unpack(bytes as Buffer);
}

/** Throws on invalid UTF-8, on anything that is not JSON, and on large JSON that nests deeper than anything of the protocol. */
export function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length > SMALL_BYTES) refuseDeep(bytes);
  return JSON.parse(utf8.decode(bytes));
}

/** JSON.parse takes a third of a second for a megabyte of brackets, which a serving thread does not have. */
const SMALL_BYTES = 16 * 1024;
const JSON_NESTING_MAX = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function refuseDeep(bytes: Uint8Array): void {
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at++;
      while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
    } else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > JSON_NESTING_MAX) throw new SyntaxError(`it nests deeper than ${JSON_NESTING_MAX} levels`);
    } else if (byte === 0x5d || byte === 0x7d) {
      depth--;
    }
  }
}
