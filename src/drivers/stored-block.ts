// Stored blocks of drivers in TypeScript, byte by byte what native/src/journal.h describes: for the portable engine, and for looking into
// a data directory.

import { crc32 } from 'node:zlib';
import { ID_BYTES_MAX, TAG_BYTES_MAX, TAGS_PER_DRIVER_MAX } from '../limits.ts';
import { packMessage, unpackMessage } from '../protocol/codec.ts';
import type { Fix } from './fix.ts';
import { BLOCK_DRIVERS } from './journal.ts';
import type { DriverRecord } from './record.ts';

const HEADER_BYTES = 16;
const RECORD_BYTES_MIN = 4 + 4 * 8 + 1 + 1 + 1;
const [HEADING, SPEED, ACCURACY] = [1, 2, 4];

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Writes a block into `out` from `at`, where there is room for BLOCK_BYTES_MAX; returns the offset behind it, `at` for a block without
 * drivers.
 * @param records of its 32 slots
 */
export function writeBlock(
  block: number,
  sequence: number,
  records: readonly (DriverRecord | undefined)[],
  out: Uint8Array,
  at: number,
): number {
  let held = 0;
  let count = 0;
  records.forEach((record, i) => {
    if (record === undefined) return;
    held |= 1 << i;
    count++;
  });
  if (count === 0) return at;
  const view = new DataView(out.buffer, out.byteOffset);
  const headerEnd = at + HEADER_BYTES + 2 * count;
  let lengthAt = at + HEADER_BYTES;
  let end = headerEnd;
  records.forEach((record, i) => {
    if (record === undefined) return;
    const start = end;
    end = writeRecord(record, view, out, start);
    view.setUint32(start, crc32(out.subarray(start + 4, end), block * BLOCK_DRIVERS + i), true);
    view.setUint16(lengthAt, end - start, true);
    lengthAt += 2;
  });
  view.setUint32(at + 4, held >>> 0, true);
  view.setFloat64(at + 8, sequence, true);
  view.setUint32(at, crc32(out.subarray(at + 4, headerEnd), block), true);
  return end;
}

function writeRecord(record: DriverRecord, view: DataView, out: Uint8Array, start: number): number {
  let at = start + 4;
  const number = (value: number): void => {
    view.setFloat64(at, value, true);
    at += 8;
  };
  for (const value of [record.lat, record.lon, record.time, record.ttlSeconds]) number(value);
  const flagsAt = at++;
  let flags = 0;
  const optional = (value: number | undefined, flag: number): void => {
    if (value === undefined) return;
    flags |= flag;
    number(value);
  };
  optional(record.heading, HEADING);
  optional(record.speed, SPEED);
  optional(record.accuracy, ACCURACY);
  out[flagsAt] = flags;
  const id = Buffer.from(record.id);
  out[at++] = id.length;
  out.set(id, at);
  at += id.length;
  if (record.tags.length === 0) return at;
  const tags = packMessage(record.tags);
  out.set(tags, at);
  return at + tags.length;
}

/** A header has no more. */
export const HEADER_BYTES_MAX = HEADER_BYTES + 2 * BLOCK_DRIVERS;

export interface BlockHeader {
  /** Of the header, which has those of nothing else in it; the records have their own. */
  readonly checksum: number;
  readonly sequence: number;
  readonly drivers: number;
}

/**
 * Reads what a block says of itself; of a header that is not what was written the checksum stands as it is, and sequence and drivers are 0.
 * @param bytes the first HEADER_BYTES_MAX of it, or all of a shorter one
 */
export function readBlockHeader(block: number, bytes: Uint8Array): BlockHeader {
  if (bytes.length < HEADER_BYTES) return { checksum: 0, sequence: 0, drivers: 0 };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const checksum = view.getUint32(0, true);
  const sequence = view.getFloat64(8, true);
  let drivers = 0;
  for (let rest = view.getUint32(4, true); rest !== 0; rest = (rest & (rest - 1)) >>> 0) drivers++;
  const end = HEADER_BYTES + 2 * drivers;
  const isWhole = end <= bytes.length && crc32(bytes.subarray(4, end), block) === checksum && Number.isFinite(sequence);
  return isWhole ? { checksum, sequence, drivers } : { checksum, sequence: 0, drivers: 0 };
}

export interface StoredBlock {
  readonly sequence: number;
  readonly drivers: readonly { readonly slot: number; readonly fix: DriverRecord }[];
  /** Records that are not what was written. */
  readonly damaged: number;
}

/** Reads a block; undefined when its header is not what was written, so that nothing of it can be told. */
export function readBlock(block: number, bytes: Uint8Array): StoredBlock | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const slots: number[] = [];
  for (let rest = view.getUint32(4, true); rest !== 0; rest = (rest & (rest - 1)) >>> 0) {
    slots.push(31 - Math.clz32(rest & -rest));
  }
  const headerEnd = HEADER_BYTES + 2 * slots.length;
  const sequence = view.getFloat64(8, true);
  if (bytes.length < headerEnd || crc32(bytes.subarray(4, headerEnd), block) !== view.getUint32(0, true))
    return undefined;
  const drivers: { slot: number; fix: DriverRecord }[] = [];
  let damaged = 0;
  let at = headerEnd;
  slots.forEach((inBlock, i) => {
    const end = at + view.getUint16(HEADER_BYTES + 2 * i, true);
    const slot = block * BLOCK_DRIVERS + inBlock;
    const fix = end <= bytes.length ? readRecord(bytes.subarray(at, end), slot) : undefined;
    if (fix === undefined) damaged++;
    else drivers.push({ slot, fix });
    at = end;
  });
  return at === bytes.length && Number.isFinite(sequence) ? { sequence, drivers, damaged } : undefined;
}

function readRecord(bytes: Uint8Array, slot: number): DriverRecord | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < RECORD_BYTES_MIN || crc32(bytes.subarray(4), slot) !== view.getUint32(0, true)) return undefined;
  try {
    let at = 4;
    const number = (): number => {
      at += 8;
      return view.getFloat64(at - 8, true);
    };
    const [lat, lon, time, ttlSeconds] = [number(), number(), number(), number()];
    const flags = bytes[at++] as number;
    const optional = (flag: number): number | undefined => ((flags & flag) === 0 ? undefined : number());
    const [heading, speed, accuracy] = [optional(HEADING), optional(SPEED), optional(ACCURACY)];
    const idEnd = at + 1 + view.getUint8(at);
    const id = utf8.decode(bytes.subarray(at + 1, idEnd));
    const tags = idEnd < bytes.length ? (unpackMessage(bytes.subarray(idEnd)) as string[]) : [];
    const fix = { id, lat, lon, time, heading, speed, accuracy, tags, ttlSeconds };
    return idEnd <= bytes.length && isStorable(fix) ? fix : undefined;
  } catch {
    return undefined;
  }
}

const isTag = (tag: unknown): boolean => typeof tag === 'string' && Buffer.byteLength(tag) <= TAG_BYTES_MAX;

function isStorable({ id, lat, lon, time, ttlSeconds, tags }: Fix): boolean {
  const isId = id !== '' && Buffer.byteLength(id) <= ID_BYTES_MAX;
  const areTags = Array.isArray(tags) && tags.length <= TAGS_PER_DRIVER_MAX && tags.every(isTag);
  return isId && areTags && Math.abs(lat) <= 90 && Math.abs(lon) <= 180 && Number.isFinite(time) && ttlSeconds > 0;
}
