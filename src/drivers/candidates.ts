// Candidates of a nearest search for whoever ranks them: numbers to rank by, and each driver's row of the answer ready to be put into another
// order. One list is filled by one or more searches, a driver once however many find it.
//
//   list.clear();
//   list.add(engine, query, nowMs);       // the k nearest of the query, by distance
//   list.lat(0), list.distance(0) …

import { Packr } from 'msgpackr';
import type { DriverEngine, NearestQuery, ReplyBuffer } from './engine.ts';

/** Numbers of a row; native/src/candidates.h has the same. */
const STRIDE = 8;
const ROWS_INITIAL = 64;
const BYTES_INITIAL = 16 * 1024;

export interface CandidatesFound {
  readonly count: number;
  /** The offset behind the last row's bytes. */
  readonly end: number;
}

/** What the native engine has for this. */
export interface CandidateFinder {
  /**
   * Writes the nearest drivers as rows of numbers (native/src/candidates.h) into `rows`, as many as fit, and the pairs of their maps into `out` from
   * `offset`, growing it as needed. Ends of rows count from `offset`.
   * @throws RazielError as DriverEngine.search
   */
  candidates(query: NearestQuery, nowMs: number, rows: Float64Array, out: ReplyBuffer, offset: number): CandidatesFound;
}

export class CandidateList {
  /** Rows of one search. */
  #found = new Float64Array(STRIDE * ROWS_INITIAL);
  #numbers = new Float64Array(STRIDE * ROWS_INITIAL);
  #starts = new Int32Array(ROWS_INITIAL);
  readonly #bytes: ReplyBuffer = { bytes: new Uint8Array(BYTES_INITIAL) };
  #end = 0;
  #count = 0;
  #places: Map<number, number> | undefined;
  #names: Map<string, number> | undefined;

  get count(): number {
    return this.#count;
  }

  /** The pairs of all rows, one row behind the other, not in order. */
  get bytes(): Uint8Array {
    return this.#bytes.bytes;
  }

  /** Of all rows' pairs. */
  get byteLength(): number {
    return this.#end;
  }

  lat(row: number): number {
    return this.#numbers[STRIDE * row] as number;
  }
  lon(row: number): number {
    return this.#numbers[STRIDE * row + 1] as number;
  }
  /** Metres, great-circle. */
  distance(row: number): number {
    return this.#numbers[STRIDE * row + 2] as number;
  }
  /** Degrees clockwise from north; NaN when unknown. */
  heading(row: number): number {
    return this.#numbers[STRIDE * row + 3] as number;
  }
  /** Metres a second; NaN when unknown. */
  speed(row: number): number {
    return this.#numbers[STRIDE * row + 4] as number;
  }
  /** How many pairs the row's map has, at most 14. */
  pairs(row: number): number {
    return this.#numbers[STRIDE * row + 6] as number;
  }
  start(row: number): number {
    return this.#starts[row] as number;
  }
  end(row: number): number {
    return this.#numbers[STRIDE * row + 7] as number;
  }

  clear(): void {
    this.#count = 0;
    this.#end = 0;
    this.#places = undefined;
    this.#names = undefined;
  }

  /**
   * Adds the drivers that a search finds. Returns their rows, nearest first.
   * @throws RazielError as DriverEngine.search
   */
  add(engine: DriverEngine & Partial<CandidateFinder>, query: NearestQuery, nowMs: number): Int32Array {
    if (this.#found.length < STRIDE * query.k) this.#found = new Float64Array(2 * STRIDE * query.k);
    const base = this.#end;
    const { count, end } =
      engine.candidates === undefined
        ? this.#findSlowly(engine, query, nowMs, base)
        : engine.candidates(query, nowMs, this.#found, this.#bytes, base);
    this.#end = end;
    this.#reserve(this.#count + count);
    if (this.#count === 0) {
      this.#take(count, base);
      return rowsFrom0(count);
    }
    return this.#merge(count, base);
  }

  /** Takes all rows found as they are. */
  #take(count: number, base: number): void {
    this.#numbers.set(this.#found.subarray(0, STRIDE * count));
    for (let row = 0; row < count; row++) {
      this.#starts[row] = row === 0 ? base : (this.#numbers[STRIDE * row - 1] as number);
      this.#numbers[STRIDE * row + 7] = (this.#numbers[STRIDE * row + 7] as number) + base;
    }
    this.#count = count;
  }

  #merge(count: number, base: number): Int32Array {
    const places = (this.#places ??= this.#placesOfAll());
    const rows = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      const driver = this.#found[STRIDE * i + 5] as number;
      let row = places.get(driver);
      if (row === undefined) {
        row = this.#count++;
        places.set(driver, row);
        this.#numbers.set(this.#found.subarray(STRIDE * i, STRIDE * i + STRIDE), STRIDE * row);
        this.#starts[row] = base + (i === 0 ? 0 : (this.#found[STRIDE * i - 1] as number));
        this.#numbers[STRIDE * row + 7] = base + (this.#found[STRIDE * i + 7] as number);
      }
      rows[i] = row;
    }
    return rows;
  }

  #placesOfAll(): Map<number, number> {
    const places = new Map<number, number>();
    for (let row = 0; row < this.#count; row++) places.set(this.#numbers[STRIDE * row + 5] as number, row);
    return places;
  }

  #reserve(rows: number): void {
    if (this.#starts.length >= rows) return;
    const numbers = new Float64Array(2 * STRIDE * rows);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
    const starts = new Int32Array(2 * rows);
    starts.set(this.#starts);
    this.#starts = starts;
  }

  /** By an answer that is decoded and encoded again; for the engines that are not built for speed. */
  #findSlowly(engine: DriverEngine, query: NearestQuery, nowMs: number, base: number): CandidatesFound {
    const reply: ReplyBuffer = { bytes: new Uint8Array(BYTES_INITIAL) };
    const { ranking: _, explain: __, ...plain } = query;
    const length = engine.search(plain, nowMs, undefined, reply, 0);
    const { drivers } = packr.unpack(reply.bytes.subarray(0, length)) as { drivers: Record<string, unknown>[] };
    let end = base;
    drivers.forEach((driver, i) => {
      const map = packr.pack(driver);
      // The head is one byte: a driver has eight fields at most.
      this.#append(map.subarray(1), end);
      end += map.length - 1;
      const { lat, lon, distance, heading, speed } = driver as Record<string, number | undefined>;
      const number = this.#numberOf(driver['id'] as string);
      const pairs = Object.keys(driver).length;
      this.#found.set(
        [lat, lon, distance, heading ?? Number.NaN, speed ?? Number.NaN, number, pairs, end - base].map(Number),
        STRIDE * i,
      );
    });
    return { count: drivers.length, end };
  }

  #append(bytes: Uint8Array, at: number): void {
    if (at + bytes.length > this.#bytes.bytes.length) {
      const grown = new Uint8Array(2 * (at + bytes.length));
      grown.set(this.#bytes.bytes);
      this.#bytes.bytes = grown;
    }
    this.#bytes.bytes.set(bytes, at);
  }

  /** The same number for the same id, as long as the list is not cleared. */
  #numberOf(id: string): number {
    const names = (this.#names ??= new Map());
    const known = names.get(id) ?? names.size + 1;
    names.set(id, known);
    return known;
  }
}

function rowsFrom0(count: number): Int32Array {
  const rows = new Int32Array(count);
  for (let row = 1; row < count; row++) rows[row] = row;
  return rows;
}

const packr = new Packr({ useRecords: false, variableMapSize: true });
