// Puts candidates into the order of an answer, in the list's own arrays: by key, and those with one key by row, which is nearer first among
// what one search found.
//
//   times.estimate(list, lat, lon, nowMs, list.keys);
//   const count = rank(list, 3, 10);       // the ten best of each of three searches, each driver once
//   list.order[0]                          // the row of the best of all

import type { CandidateList } from '../drivers/candidates.ts';

/** Up to so many are sorted by insertion: they come by distance, so nearly sorted, and calling back costs more than steps do. */
const INSERTED_MAX = 64;

/** Whether a row has its place in the order. */
let placed = new Uint8Array(INSERTED_MAX);

/** Behind all that a service outside knew a way for come those that it knew none for. */
const NO_WAY_SECONDS = 1e12;

/**
 * Writes the `k` best of what each of the searches found into the order, and returns how many that makes. Leaves what was found in another order.
 * @param unanswered by row, 1 for those that come last; none where absent
 */
export function rank(list: CandidateList, searches: number, k: number, unanswered?: Uint8Array): number {
  if (unanswered === undefined) return rankByKey(list, searches, k);
  const { keys, count } = list;
  const seconds = keys.slice(0, count);
  for (let row = 0; row < count; row++)
    keys[row] = (seconds[row] as number) + (unanswered[row] as number) * NO_WAY_SECONDS;
  const length = rankByKey(list, searches, k);
  keys.set(seconds);
  return length;
}

function rankByKey(list: CandidateList, searches: number, k: number): number {
  const { count, order, keys, found, ends } = list;
  if (placed.length < count) placed = new Uint8Array(2 * count);
  placed.fill(0, 0, count);
  let length = 0;
  let start = 0;
  for (let search = 0; search < searches; search++) {
    const end = ends[search] as number;
    if (end - start > k) sortByKey(found, start, end, keys);
    for (let i = start, kept = Math.min(end, start + k); i < kept; i++) {
      const row = found[i] as number;
      if (placed[row] === 1) continue;
      placed[row] = 1;
      order[length++] = row;
    }
    start = end;
  }
  sortByKey(order, 0, length, keys);
  return length;
}

function sortByKey(rows: Int32Array, start: number, end: number, keys: Float64Array): void {
  if (end - start > INSERTED_MAX) {
    rows.subarray(start, end).sort((a, b) => (keys[a] as number) - (keys[b] as number) || a - b);
    return;
  }
  for (let i = start + 1; i < end; i++) {
    const row = rows[i] as number;
    const key = keys[row] as number;
    let at = i;
    for (; at > start; at--) {
      const before = rows[at - 1] as number;
      const other = keys[before] as number;
      if (other < key || (other === key && before < row)) break;
      rows[at] = before;
    }
    rows[at] = row;
  }
}
