// What an engine finds for whoever ranks drivers (candidates.ts), and the memory that it puts it in.

import { GROUPS_MAX } from '../limits.ts';
import type { NearestQuery, ReplyBuffer } from './engine.ts';

/** Numbers of a row; native/src/candidates.h has the same. */
export const STRIDE = 8;

/** Nearest searches that differ in the tags they ask for. */
export interface CandidateSearch {
  /** Place, and conditions other than the following. */
  readonly query: NearestQuery;
  /** Of each search. */
  readonly k: number;
  readonly radiusMeters: number;
  readonly notTags: readonly string[] | undefined;
  /** A search each: drivers must carry all of its tags. 1 to GROUPS_MAX. */
  readonly groups: readonly (readonly string[])[];
}

/** The memory of a list, which the native engine fills and reads (CandidateTable in native/src/candidates.h). */
export interface CandidateTable {
  /** Of each row: lat, lon, distance, heading, speed, pairs, and where its bytes start and end. */
  readonly rows: Float64Array;
  /** Rows of what each search found, nearest first, one search behind the other. */
  readonly found: Int32Array;
  /** Where in `found` each search ends. */
  readonly ends: Int32Array;
  /** Rows in the order of the answer. */
  readonly order: Int32Array;
  /** What each row is ranked by. */
  readonly keys: Float64Array;
  /** The pairs of each row's map, without the map's head. */
  readonly bytes: Uint8Array;
}

/** What the native engine has for this. */
export interface CandidateFinder {
  /**
   * Fills the table, which has room for `k` rows a search. Returns how many rows there are or, when their bytes have no room, −(bytes needed).
   * @throws RazielError as DriverEngine.search
   */
  candidates(search: CandidateSearch, nowMs: number, into: CandidateTable): number;
  /**
   * Writes the first `count` of the order from `offset` on as an array of maps, which must have room, and returns the offset behind it.
   * @param source of the keys, which are then written as travel times; undefined where they are none
   * @param unanswered by row, 1 where the source knew no time and the key is the default's; undefined where it knew all
   */
  writeRanked(
    from: CandidateTable,
    count: number,
    source: string | undefined,
    unanswered: Uint8Array | undefined,
    out: ReplyBuffer,
    offset: number,
  ): number;
}

/** @param room rows, and drivers found by all searches together */
export function tableOf(room: number, bytes: Uint8Array): CandidateTable {
  return {
    rows: new Float64Array(STRIDE * room),
    found: new Int32Array(room),
    ends: new Int32Array(GROUPS_MAX),
    order: new Int32Array(room),
    keys: new Float64Array(room),
    bytes,
  };
}
