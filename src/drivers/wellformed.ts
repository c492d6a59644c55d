// Bytes from outside, checked to be one whole MessagePack value before msgpackr sees them.
//
// msgpackr is a fast decoder for bytes that a friend encoded. Of what an enemy may send it takes some as its own extensions (records,
// references, sets), reads past broken UTF-8 without a word, and recurses as deep as the value nests. So this walk goes first, without
// recursion and without allocating what the bytes only announce. It refuses what is not well-formed, and shows msgpackr three things as plain
// binary of the same length, which no field of a fix takes: extension values, strings that are not valid UTF-8, and arrays and maps
// below the level of a fix's field (batch → fix → field).
//
// Refused: the unused byte 0xc1, an end before the value's, and bytes after it.

import { isUtf8 } from 'node:buffer';
import { RazielError } from '../errors.ts';

/**
 * The bytes when they are one well-formed value that msgpackr may decode; a corrected copy when something had to be hidden from it.
 * @throws RazielError BAD_MSGPACK
 */
export function checkedMessagePack(bytes: Uint8Array): Uint8Array {
  const hidden: number[] = []; // start and end of each value to hide
  const end = walk(bytes, hidden);
  if (end !== bytes.length) throw bad(`${bytes.length - end} bytes follow the value`);
  if (hidden.length === 0) return bytes;
  const copy = new Uint8Array(bytes); // not slice(), which shares the bytes of a Buffer
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
  const levels: number[] = []; // values still to come in the arrays and maps around this one
  let open = 1;
  let at = 0;
  while (open > 0 || levels.length > 0) {
    if (open === 0) {
      open = levels.pop() as number;
      continue;
    }
    open--;
    const start = at;
    at = endOfHead(bytes, at);
    const children = childrenOf(bytes, start);
    if (children === 0) {
      if (isHiddenScalar(bytes, start, at)) hidden.push(start, at);
    } else if (levels.length < FIELD_LEVEL) {
      levels.push(open);
      open = children;
    } else {
      for (let left = children; left > 0; left--) {
        left += childrenOf(bytes, at);
        at = endOfHead(bytes, at);
      }
      hidden.push(start, at);
    }
  }
  return at;
}

/** Levels of arrays and maps that msgpackr may see: the batch, a fix, and a field. */
const FIELD_LEVEL = 3;

/** The end of a value that has no children, or of what announces the children. */
function endOfHead(bytes: Uint8Array, start: number): number {
  const type = bytes[start];
  let end = start + 1;
  if (type === undefined) throw bad('the value is cut short');
  if (type === 0xc1) throw bad('0xc1 begins no value');
  if (type >= 0xa0 && type <= 0xbf) end += type & 0x1f;
  else if (type >= 0xc0 && type <= 0xdf) end += (HEAD_BYTES[type - 0xc0] as number) + payload(bytes, type, end);
  if (end > bytes.length) throw bad('the value is cut short');
  return end;
}

/** How many values the array or map at `start` has, keys and values counted; 0 for anything else. */
function childrenOf(bytes: Uint8Array, start: number): number {
  const type = bytes[start] as number;
  if (type >= 0x80 && type <= 0x8f) return 2 * (type & 0x0f);
  if (type >= 0x90 && type <= 0x9f) return type & 0x0f;
  if (type < 0xdc || type > 0xdf) return 0;
  const count = unsigned(bytes, start + 1, type === 0xdc || type === 0xde ? 2 : 4);
  return type < 0xde ? count : 2 * count;
}

/** Bytes of length or fixed content that follow each type from 0xc0 on. */
const HEAD_BYTES = [
  0, 0, 0, 0, 1, 2, 4, 2, 3, 5, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 2, 3, 5, 9, 17, 1, 2, 4, 2, 4, 2, 4,
] as const;

/** Bytes of content whose length the header tells: of binary, strings and extensions. */
function payload(bytes: Uint8Array, type: number, at: number): number {
  if (type >= 0xc4 && type <= 0xc6) return unsigned(bytes, at, 1 << (type - 0xc4));
  if (type >= 0xc7 && type <= 0xc9) return unsigned(bytes, at, 1 << (type - 0xc7));
  if (type >= 0xd9 && type <= 0xdb) return unsigned(bytes, at, 1 << (type - 0xd9));
  return 0;
}

/** Whether msgpackr must not see a value without children: an extension, or a string of broken UTF-8. */
function isHiddenScalar(bytes: Uint8Array, start: number, end: number): boolean {
  const type = bytes[start] as number;
  if ((type >= 0xc7 && type <= 0xc9) || (type >= 0xd4 && type <= 0xd8)) return true;
  let at = start + 1;
  if (type >= 0xd9 && type <= 0xdb) at += HEAD_BYTES[type - 0xc0] as number;
  else if (type < 0xa0 || type > 0xbf) return false;
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
