// Bytes from outside, checked to be one whole MessagePack value before msgpackr sees them.
//
// msgpackr is a fast decoder for bytes that a friend encoded. Of what an enemy may send it takes some as its own extensions (records,
// references, sets), reads past broken UTF-8 without a word, and recurses as deep as the value nests. So this walk goes first, without
// recursion and without allocating what the bytes only announce. It refuses what is not well-formed, and shows msgpackr two things as plain
// binary of the same length, which no field of a fix takes: extension values, and strings that are not valid UTF-8.
//
// Refused: the unused byte 0xc1, an end before the value's, bytes after it, and nesting deeper than MSGPACK_DEPTH_MAX.

import { isUtf8 } from 'node:buffer';
import { RazielError } from '../errors.ts';
import { MSGPACK_DEPTH_MAX } from '../limits.ts';

/**
 * The bytes when they are one well-formed value that msgpackr may decode; a corrected copy when something had to be hidden from it.
 * @throws RazielError BAD_MSGPACK
 */
export function checkedMessagePack(bytes: Uint8Array): Uint8Array {
  const hidden: number[] = []; // start and end of each value to hide
  const end = walk(bytes, hidden);
  if (end !== bytes.length) throw bad(`${bytes.length - end} bytes follow the value`);
  if (hidden.length === 0) return bytes;
  const copy = bytes.slice();
  for (let i = 0; i < hidden.length; i += 2) writeBinary(copy, hidden[i] as number, hidden[i + 1] as number);
  return copy;
}

/** How many elements the array has that the bytes begin with; −1 when they begin with something else. */
export function arrayLength(bytes: Uint8Array): number {
  const type = bytes[0] as number;
  if (type >= 0x90 && type <= 0x9f) return type & 0x0f;
  if (type === 0xdc) return unsigned(bytes, 1, 2);
  return type === 0xdd ? unsigned(bytes, 1, 4) : -1;
}

/** Walks one value from 0 on; returns its end. */
function walk(bytes: Uint8Array, hidden: number[]): number {
  const left: number[] = []; // values still to come, for each level that is open
  let at = 0;
  let open = 1;
  for (;;) {
    while (open === 0) {
      if (left.length === 0) return at;
      open = left.pop() as number;
    }
    open--;
    const start = at;
    if (start >= bytes.length) throw bad('the value is cut short');
    const type = bytes[at++] as number;
    let children = 0;
    if (type <= 0x7f || type >= 0xe0) continue;
    if (type <= 0x8f) children = 2 * (type & 0x0f);
    else if (type <= 0x9f) children = type & 0x0f;
    else if (type <= 0xbf) at += type & 0x1f;
    else if (type === 0xc1) throw bad('0xc1 begins no value');
    else if (type === 0xdc || type === 0xdd) children = unsigned(bytes, at, type === 0xdc ? 2 : 4);
    else if (type >= 0xde) children = 2 * unsigned(bytes, at, type === 0xde ? 2 : 4);
    const header = HEADER_BYTES[type - 0xc0];
    if (type >= 0xc0 && header !== undefined) at += header + payload(bytes, type, at);
    if (at > bytes.length) throw bad('the value is cut short');
    if (isExtension(type) || (isString(type) && isBrokenText(bytes, type, start, at))) hidden.push(start, at);
    if (children > 0) {
      // Each child takes a byte at least: an announced length is never believed further than that.
      if (children > bytes.length - at) throw bad('the value is cut short');
      if (left.length >= MSGPACK_DEPTH_MAX) throw bad(`values nest deeper than ${MSGPACK_DEPTH_MAX}`);
      left.push(open);
      open = children;
    }
  }
}

/** Bytes of length or fixed content that follow each type from 0xc0 on. */
const HEADER_BYTES = [
  0, 0, 0, 0, 1, 2, 4, 2, 3, 5, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 2, 3, 5, 9, 17, 1, 2, 4, 2, 4, 2, 4,
] as const;

/** Bytes of content whose length the header tells: of binary, strings and extensions. */
function payload(bytes: Uint8Array, type: number, at: number): number {
  if (type >= 0xc4 && type <= 0xc6) return unsigned(bytes, at, 1 << (type - 0xc4));
  if (type >= 0xc7 && type <= 0xc9) return unsigned(bytes, at, 1 << (type - 0xc7));
  if (type >= 0xd9 && type <= 0xdb) return unsigned(bytes, at, 1 << (type - 0xd9));
  return 0;
}

const isExtension = (type: number): boolean => (type >= 0xc7 && type <= 0xc9) || (type >= 0xd4 && type <= 0xd8);

const isString = (type: number): boolean => (type >= 0xa0 && type <= 0xbf) || (type >= 0xd9 && type <= 0xdb);

function isBrokenText(bytes: Uint8Array, type: number, start: number, end: number): boolean {
  let at = start + 1 + (type <= 0xbf ? 0 : (HEADER_BYTES[type - 0xc0] as number));
  while (at < end && (bytes[at] as number) < 0x80) at++;
  return at < end && !isUtf8(bytes.subarray(at, end));
}

function unsigned(bytes: Uint8Array, at: number, size: number): number {
  if (at + size > bytes.length) throw bad('the value is cut short');
  let value = 0;
  for (let i = 0; i < size; i++) value = value * 256 + (bytes[at + i] as number);
  return value;
}

/** Makes the bytes from start to end (2 or more) one binary value. */
function writeBinary(bytes: Uint8Array, start: number, end: number): void {
  const size = end - start;
  if (size - 2 <= 0xff) {
    bytes[start] = 0xc4;
    bytes[start + 1] = size - 2;
    return;
  }
  bytes[start] = 0xc6;
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(start + 1, size - 5);
}

function bad(what: string): RazielError {
  return new RazielError('BAD_MSGPACK', `the body must be one whole MessagePack value: ${what}`);
}
