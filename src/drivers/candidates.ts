// Candidates of nearest searches for whoever ranks them: numbers to rank by, and each driver's row of the answer ready to be put into another
// order. One list is filled by one or more searches around one place, a driver once however many find it.
//
//   list.fill(engine, { query, k: 10, radiusMeters: 5_000, notTags: undefined, groups: [['xl'], ['van']] }, nowMs);
//   list.lat(0), list.distance(0) …
//   list.keys[0] = 42;  list.order[0] = 0;             // whoever ranks writes these
//   list.writeRanked(engine, 1, 'learned', undefined, reply, 0);  // the rows in that order, with the keys as travel times

import assert from 'node:assert/strict';
import { GROUPS_MAX } from '../limits.ts';
import { type CandidateFinder, type CandidateSearch, type CandidateTable, STRIDE, tableOf } from './candidate-table.ts';
import type { DriverEngine, ReplyBuffer } from './engine.ts';
import { fillSlowly, writeSlowly } from './slow-candidates.ts';

const ROWS_INITIAL = 64;
const BYTES_INITIAL = 16 * 1024;
/** A list that one large request made grow beyond this is let go of. */
const ROWS_KEPT = 4_096;
const BYTES_KEPT = 1024 * 1024;

export class CandidateList {
  #table = newTable();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  lat(row: number): number {
    return this.#table.rows[STRIDE * row] as number;
  }
  lon(row: number): number {
    return this.#table.rows[STRIDE * row + 1] as number;
  }
  /** Metres, great-circle. */
  distance(row: number): number {
    return this.#table.rows[STRIDE * row + 2] as number;
  }
  /** Degrees clockwise from north; NaN when unknown. */
  heading(row: number): number {
    return this.#table.rows[STRIDE * row + 3] as number;
  }
  /** Metres a second; NaN when unknown. */
  speed(row: number): number {
    return this.#table.rows[STRIDE * row + 4] as number;
  }

  /** Rows that the searches found, nearest first, one search behind the other. */
  get found(): Int32Array {
    return this.#table.found;
  }
  /** Where in `found` each search ends. */
  get ends(): Int32Array {
    return this.#table.ends;
  }
  /** For the caller: what each row is ranked by. */
  get keys(): Float64Array {
    return this.#table.keys;
  }
  /** For the caller: rows in the order of the answer. */
  get order(): Int32Array {
    return this.#table.order;
  }

  /** Of all rows' pairs. */
  get byteLength(): number {
    return this.#count === 0 ? 0 : (this.#table.rows[STRIDE * this.#count - 1] as number);
  }

  /**
   * Makes it the list of the drivers that the searches find.
   * @throws RazielError as DriverEngine.search
   */
  fill(engine: DriverEngine & Partial<CandidateFinder>, search: CandidateSearch, nowMs: number): void {
    const { groups, k } = search;
    assert(groups.length > 0 && groups.length <= GROUPS_MAX);
    const room = groups.length * k;
    if (room > this.#table.found.length) this.#table = tableOf(2 * room, this.#table.bytes);
    for (;;) {
      const count =
        engine.candidates === undefined
          ? fillSlowly(engine, search, nowMs, this.#table)
          : engine.candidates(search, nowMs, this.#table);
      if (count >= 0) {
        this.#count = count;
        return;
      }
      this.#table = { ...this.#table, bytes: new Uint8Array(-2 * count) };
    }
  }

  /** As CandidateFinder.writeRanked. */
  writeRanked(
    engine: DriverEngine & Partial<CandidateFinder>,
    count: number,
    source: string | undefined,
    unanswered: Uint8Array | undefined,
    out: ReplyBuffer,
    offset: number,
  ): number {
    if (engine.writeRanked === undefined) return writeSlowly(this.#table, count, source, unanswered, out, offset);
    return engine.writeRanked(this.#table, count, source, unanswered, out, offset);
  }

  /** To be called when the answer has been written: the list is empty then. */
  release(): void {
    this.#count = 0;
    const { found, bytes } = this.#table;
    if (found.length > ROWS_KEPT || bytes.length > BYTES_KEPT) this.#table = newTable();
  }
}

function newTable(): CandidateTable {
  return tableOf(ROWS_INITIAL, new Uint8Array(BYTES_INITIAL));
}
