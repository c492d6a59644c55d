// Walks untrusted MessagePack before anything decodes it: that it is one whole value, nested to a bounded depth. Finds the top-level
// fields of a map on the way, so that a batch of fixes goes to the engine as the bytes that arrived, and tells which fields hold what
// msgpackr must not decode: extension types (it knows some that make regular expressions, errors and records; none is part of the
// protocol) and text that is not UTF-8 (it would pass as other text).
//
// Format: https://github.com/msgpack/msgpack/blob/master/spec.md

import { isUtf8 } from 'node:buffer';
import { RazielError } from '../errors.ts';
import { MESSAGE_LISTS_MAX, MESSAGE_MEMBERS_MAX } from '../limits.ts';

export const NESTING_MAX = 64;
/** The field whose value the engine decodes. */
const NOT_DECODED = 'batch';

/** A map of more pairs is no plain one. */
const PLAIN_PAIRS_MAX = 64;

/** Where a value lies. */
export interface Span {
  readonly start: number;
  readonly end: number;
  /** Why the value must not be decoded; undefined when it may. */
  readonly fault: string | undefined;
}

interface Walk {
  readonly bytes: Uint8Array;
  fault: string | undefined;
  /** Of what will be decoded. */
  lists: number;
  members: number;
}

const walkOf = (bytes: Uint8Array): Walk => ({ bytes, fault: undefined, lists: 0, members: 0 });

export function isMap(bytes: Uint8Array): boolean {
  const head = bytes[0] ?? 0xc1;
  return (head & 0xf0) === 0x80 || head === 0xde || head === 0xdf;
}

export function isArray(bytes: Uint8Array): boolean {
  const head = bytes[0] ?? 0xc1;
  return (head & 0xf0) === 0x90 || head === 0xdc || head === 0xdd;
}

/**
 * Checks that the bytes are one whole value that may be decoded.
 * @throws RazielError BAD_MSGPACK when they are not, or nest deeper than NESTING_MAX; BAD_REQUEST for a fault as in Span; TOO_LARGE for more
 *   lists or entries of maps than a message may have.
 */
export function checkMessage(bytes: Uint8Array): void {
  const walk = walkOf(bytes);
  refuseRest(bytes, skipValue(walk, 0, 0));
  if (walk.fault !== undefined) throw new RazielError('BAD_REQUEST', walk.fault);
}

/**
 * Checks a message and finds where its top-level values lie, by key. Keys that are not strings are passed over; of a key
 * given twice the last counts. Undefined when the message is whole but no map.
 * @throws RazielError BAD_MSGPACK as checkMessage
 */
export function walkMap(bytes: Uint8Array): Map<string, Span> | undefined {
  const walk = walkOf(bytes);
  if (!isMap(bytes)) {
    refuseRest(bytes, skipValue(walk, 0, 0));
    return undefined;
  }
  const count = countPairs(bytes);
  let at = 1 + countSize(bytes);
  const fields = new Map<string, Span>();
  countItems(walk, count, true);
  for (let i = 0; i < count; i++) {
    const start = skipValue(walk, at, 1);
    const key = readKey(bytes, at, start);
    walk.fault = undefined;
    const { lists, members } = walk;
    if (key === NOT_DECODED) walk.lists = walk.members = Number.NEGATIVE_INFINITY;
    const end = skipValue(walk, start, 1);
    if (key === NOT_DECODED) Object.assign(walk, { lists, members });
    if (key !== undefined) fields.set(key, { start, end, fault: walk.fault });
    at = end;
  }
  refuseRest(bytes, at);
  return fields;
}

/**
 * Whether the bytes are a whole map that may be decoded as it is: its keys are a few short strings, none of them one of `others`, and nothing in it has
 * a fault. Makes no object, where walkMap makes one a field. The count of pairs may have bytes of its own, which msgpackr gives it however
 * few there are.
 * @throws RazielError BAD_MSGPACK as checkMessage
 */
export function isPlainMap(bytes: Uint8Array, others: readonly Uint8Array[]): boolean {
  if (!isMap(bytes)) return false;
  const count = countPairs(bytes);
  if (count > PLAIN_PAIRS_MAX) return false;
  const walk = walkOf(bytes);
  let at = 1 + countSize(bytes);
  for (let left = count; left > 0; left--) {
    const head = bytes[at] ?? 0;
    if ((head & 0xe0) !== 0xa0) return false;
    for (const other of others) if (startsWith(bytes, at, other)) return false;
    at = skipValue(walk, skipValue(walk, at, 1), 1);
  }
  refuseRest(bytes, at);
  return walk.fault === undefined;
}

/** Bytes that a map's head has for the number of its pairs; 0 where that is in the head. */
function countSize(bytes: Uint8Array): number {
  return bytes[0] === 0xde ? 2 : bytes[0] === 0xdf ? 4 : 0;
}

/** Of a map. */
function countPairs(bytes: Uint8Array): number {
  const size = countSize(bytes);
  return size === 0 ? (bytes[0] as number) & 0x0f : readUint(bytes, 1, size);
}

function startsWith(bytes: Uint8Array, at: number, text: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
  return true;
}

function refuseRest(bytes: Uint8Array, end: number): void {
  if (end !== bytes.length) throw broken(`${bytes.length - end} bytes follow the value`);
}

function readKey(bytes: Uint8Array, start: number, end: number): string | undefined {
  const head = bytes[start] as number;
  const size = textHeadSize(head);
  return size === 0
    ? undefined
    : Buffer.from(bytes.buffer, bytes.byteOffset + start + size, end - start - size).toString();
}

/** Bytes before a string's text; 0 when the value is no string. */
function textHeadSize(head: number): number {
  if ((head & 0xe0) === 0xa0) return 1;
  if (head === 0xd9) return 2;
  if (head === 0xda) return 3;
  return head === 0xdb ? 5 : 0;
}

function readUint(bytes: Uint8Array, at: number, size: number): number {
  if (at + size > bytes.length) throw broken('it ends in the middle of a length');
  let value = 0;
  for (let i = 0; i < size; i++) value = value * 256 + (bytes[at + i] as number);
  return value;
}

/** Returns the offset behind the value at `at`. */
function skipValue(walk: Walk, at: number, depth: number): number {
  const { bytes } = walk;
  if (at >= bytes.length) throw broken('it ends where a value should begin');
  const head = bytes[at] as number;
  if (head <= 0x7f || head >= 0xe0) return at + 1;
  if (head <= 0x8f) return skipItems(walk, at + 1, (head & 0x0f) * 2, depth, true);
  if (head <= 0x9f) return skipItems(walk, at + 1, head & 0x0f, depth);
  if (head <= 0xbf) return skipText(walk, at + 1, head & 0x1f);
  switch (head) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return at + 1;
    case 0xc4:
    case 0xc5:
    case 0xc6: {
      const size = 1 << (head - 0xc4);
      return within(bytes, at + 1 + size + readUint(bytes, at + 1, size));
    }
    case 0xd9:
    case 0xda:
    case 0xdb: {
      const size = 1 << (head - 0xd9);
      return skipText(walk, at + 1 + size, readUint(bytes, at + 1, size));
    }
    case 0xc7:
    case 0xc8:
    case 0xc9: {
      const size = 1 << (head - 0xc7);
      return skipExtension(walk, at + 1 + size, readUint(bytes, at + 1, size));
    }
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      return skipExtension(walk, at + 1, 1 << (head - 0xd4));
    case 0xcc:
    case 0xd0:
      return within(bytes, at + 2);
    case 0xcd:
    case 0xd1:
      return within(bytes, at + 3);
    case 0xca:
    case 0xce:
    case 0xd2:
      return within(bytes, at + 5);
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return within(bytes, at + 9);
    case 0xdc:
      return skipItems(walk, at + 3, readUint(bytes, at + 1, 2), depth);
    case 0xdd:
      return skipItems(walk, at + 5, readUint(bytes, at + 1, 4), depth);
    case 0xde:
      return skipItems(walk, at + 3, readUint(bytes, at + 1, 2) * 2, depth, true);
    case 0xdf:
      return skipItems(walk, at + 5, readUint(bytes, at + 1, 4) * 2, depth, true);
    default:
      throw broken('it holds the byte 0xc1, which MessagePack never uses');
  }
}

function skipItems(walk: Walk, start: number, count: number, depth: number, areEntries = false): number {
  if (depth >= NESTING_MAX) throw broken(`it nests deeper than ${NESTING_MAX} levels`);
  // Every item takes a byte at least, so that a header cannot promise more items than there are bytes.
  if (count > walk.bytes.length - start) throw broken('a list or map promises more items than there are bytes');
  countItems(walk, count / 2, areEntries);
  let at = start;
  for (let i = 0; i < count; i++) at = skipValue(walk, at, depth + 1);
  return at;
}

/** @throws RazielError TOO_LARGE past what one message may have */
function countItems(walk: Walk, entries: number, areEntries: boolean): void {
  if (areEntries) walk.members += 1 + entries;
  else walk.lists++;
  if (walk.lists > MESSAGE_LISTS_MAX) throw tooMany('lists', MESSAGE_LISTS_MAX);
  if (walk.members > MESSAGE_MEMBERS_MAX) throw tooMany('entries of maps', MESSAGE_MEMBERS_MAX);
}

function tooMany(what: string, max: number): RazielError {
  return new RazielError('TOO_LARGE', `a message has at most ${max} ${what} beside a batch of fixes, got more`);
}

function skipText(walk: Walk, start: number, length: number): number {
  const end = within(walk.bytes, start + length);
  let at = start;
  while (at < end && (walk.bytes[at] as number) < 0x80) at++;
  if (at < end && !isUtf8(walk.bytes.subarray(at, end))) walk.fault = 'text must be UTF-8';
  return end;
}

function skipExtension(walk: Walk, at: number, size: number): number {
  const end = within(walk.bytes, at + 1 + size);
  walk.fault = `MessagePack extension types are not part of the protocol, got type ${walk.bytes[at]}`;
  return end;
}

function within(bytes: Uint8Array, end: number): number {
  if (end > bytes.length) throw broken(`it ends ${end - bytes.length} bytes early`);
  return end;
}

function broken(why: string): RazielError {
  return new RazielError('BAD_MSGPACK', `this is not MessagePack: ${why}`);
}
