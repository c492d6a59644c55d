// Batches of fixes as MessagePack rows, `[id, lat, lon, time]` or `[id, lat, lon, time, heading, speed]`, or the former with a tag, written straight into a buffer in a layout that does not
// depend on the values: a time can be brought up to date where it stands, just before its batch is sent, at the cost of one store. (msgpackr
// writes a number as short as it can be and tells nobody where; test rows are compared with what msgpackr reads.)

import { unpack } from 'msgpackr';
import type { World } from './world.ts';

/** Ids have 12 to 16 bytes: a prefix and eight hexadecimal digits that are a driver's number, scattered. */
const PREFIXES = ['cab:', 'taxi:', 'truck:', 'driver:', 'courier:'].map((prefix) => Buffer.from(prefix));
const HEX = Buffer.from('0123456789abcdef');
const SCATTER = 2_654_435_761;
const TAG_BYTES_MAX = 16;

/** Bytes of a row at most: its head, the id, four float64, a uint16, and a tag behind three nils. */
export const ROW_BYTES_MAX = 1 + 1 + 16 + 4 * 9 + 3 + 3 + 2 + TAG_BYTES_MAX;
export const BATCH_HEAD_BYTES = 3;

const NIL = 0xc0;
const ARRAY_16 = 0xdc;
const ARRAY = 0x90;
const STRING = 0xa0;
const FLOAT_64 = 0xcb;
const UINT_16 = 0xcd;

export class RowWriter {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #columns: 4 | 6;
  readonly #tags: readonly Buffer[];
  at = 0;

  /**
   * @param columns 4 leaves heading and speed out
   * @param tags with 4 columns: each driver has one of them
   */
  constructor(bytes: Uint8Array, columns: 4 | 6, tags: readonly string[] = []) {
    this.bytes = bytes;
    this.#columns = columns;
    this.#tags = tags.map((tag) => Buffer.from(tag));
    if (this.#tags.some(({ length }) => length > TAG_BYTES_MAX)) throw new Error(`a tag is too long: ${tags.join()}`);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  batchHead(fixes: number): void {
    this.bytes[this.at] = ARRAY_16;
    this.#view.setUint16(this.at + 1, fixes);
    this.at += BATCH_HEAD_BYTES;
  }

  /** Writes the driver's fix as the world has it; returns where its time stands (a float64, for `setTime`). */
  row(world: World, driver: number, timeMs: number): number {
    const tag = this.#tags[driver % this.#tags.length];
    this.bytes[this.at++] = ARRAY + (tag === undefined ? this.#columns : 8);
    this.#id(driver);
    this.#float(world.lat[driver] as number);
    this.#float(world.lon[driver] as number);
    this.#float(timeMs);
    const timeAt = this.at - 8;
    if (tag !== undefined) this.#tag(tag);
    if (this.#columns === 4) return timeAt;
    this.bytes[this.at] = UINT_16;
    this.#view.setUint16(this.at + 1, world.heading[driver] as number);
    this.at += 3;
    this.#float(world.speed[driver] as number);
    return timeAt;
  }

  setTime(timeAt: number, timeMs: number): void {
    this.#view.setFloat64(timeAt, timeMs);
  }

  #id(driver: number): void {
    const bytes = this.bytes;
    const prefix = PREFIXES[driver % PREFIXES.length] as Buffer;
    bytes[this.at++] = STRING + prefix.length + 8;
    for (const byte of prefix) bytes[this.at++] = byte;
    const scattered = Math.imul(driver, SCATTER) >>> 0;
    for (let shift = 28; shift >= 0; shift -= 4) bytes[this.at++] = HEX[(scattered >>> shift) & 15] as number;
  }

  /** Behind the time: no heading, speed and accuracy, and the one tag. */
  #tag(tag: Buffer): void {
    const bytes = this.bytes;
    for (let i = 0; i < 3; i++) bytes[this.at++] = NIL;
    bytes[this.at++] = ARRAY + 1;
    bytes[this.at++] = STRING + tag.length;
    bytes.set(tag, this.at);
    this.at += tag.length;
  }

  #float(value: number): void {
    this.bytes[this.at] = FLOAT_64;
    this.#view.setFloat64(this.at + 1, value);
    this.at += 9;
  }
}

/** The batches of one lap, in which every driver sends one fix. */
export class Lap {
  readonly #bytes: Uint8Array;
  readonly #world: World;
  readonly #batchFixes: number;
  /** Views on the batches, in order. */
  batches: Uint8Array[] = [];

  constructor(world: World, batchFixes: number) {
    const batches = Math.ceil(world.drivers / batchFixes);
    this.#world = world;
    this.#batchFixes = batchFixes;
    // Filled, so that a measurement of memory that begins later does not see its pages come.
    this.#bytes = new Uint8Array(world.drivers * ROW_BYTES_MAX + batches * BATCH_HEAD_BYTES).fill(1);
  }

  /** Writes the fixes of all drivers as the world has them, in that order. */
  write(order: Uint32Array, timeMs: number): void {
    const writer = new RowWriter(this.#bytes, 6);
    this.batches = [];
    for (let from = 0; from < order.length; from += this.#batchFixes) {
      const to = Math.min(order.length, from + this.#batchFixes);
      const start = writer.at;
      writer.batchHead(to - from);
      for (let i = from; i < to; i++) writer.row(this.#world, order[i] as number, timeMs);
      this.batches.push(this.#bytes.subarray(start, writer.at));
    }
    this.#checkFirst(order, timeMs);
  }

  #checkFirst(order: Uint32Array, timeMs: number): void {
    const driver = order[0] as number;
    const [row] = unpack(this.batches[0] as Uint8Array) as unknown[][];
    const { lat, lon, heading, speed } = this.#world;
    const expected = [lat[driver], lon[driver], timeMs, heading[driver], speed[driver]];
    if (JSON.stringify(row?.slice(1)) !== JSON.stringify(expected)) {
      throw new Error(`a row was written as ${JSON.stringify(row)}, and should be [id, ${expected.join(', ')}]`);
    }
  }
}
