// Which edges of a polygon properly cross: both ends of each strictly on different sides of the other. Touching, in a vertex or along an
// edge, is no crossing.
//
// Few edges are compared each with each. Many go through a sweep after Shamos and Hoey, "Geometric intersection problems" (1976): edges
// that the sweep line meets are kept in order, and only neighbours are compared. The sweep stops at a crossing; here the newer of the two
// edges is set aside instead, and the sweep goes on without it. At the end no two edges of the rest cross, so every crossing has an edge that
// was set aside, and comparing those with all the others finds every crossing. Signs are exact (orient.ts), so the order never breaks.

import type { PolygonEdges } from './edges.ts';
import { orient } from './orient.ts';
import { SweepOrder } from './sweep-order.ts';

/** Compared each with each up to here; measured to be the faster way for US counties. */
const EACH_WITH_EACH_MAX = 160;
/** Comparisons that finding all crossings of the edges set aside may take: about a second. Past it crossings are only counted from below. */
const COMPARISONS_MAX = 2e8;
/** And so many crossings found end the search, too. */
const FOUND_MAX = 100_000;

export interface Crossings {
  /** Pairs of indexes of edges, the smaller first, ordered; at most `listedMax` pairs. */
  readonly pairs: readonly (readonly [number, number])[];
  /** Crossings found. For a scribble with too many to look for, those found within the budget. */
  readonly count: number;
}

export function findCrossings(edges: PolygonEdges, listedMax: number): Crossings {
  return edges.count <= EACH_WITH_EACH_MAX
    ? crossingsEachWithEach(edges, listedMax)
    : crossingsBySweep(edges, listedMax);
}

/** Whether edges i and j properly cross. */
function edgesCross(edges: PolygonEdges, i: number, j: number): boolean {
  const ax = edges.x1[i] as number;
  const ay = edges.y1[i] as number;
  const bx = edges.x2[i] as number;
  const by = edges.y2[i] as number;
  const cx = edges.x1[j] as number;
  const cy = edges.y1[j] as number;
  const dx = edges.x2[j] as number;
  const dy = edges.y2[j] as number;
  if (Math.max(ax, bx) <= Math.min(cx, dx) || Math.max(cx, dx) <= Math.min(ax, bx)) {
    // Boxes that touch in a line can still cross along it only when an edge lies in that line; then ends are on the other's line.
    return false;
  }
  if (Math.max(ay, by) <= Math.min(cy, dy) || Math.max(cy, dy) <= Math.min(ay, by)) return false;
  const c = orient(ax, ay, bx, by, cx, cy);
  if (c === 0) return false;
  const d = orient(ax, ay, bx, by, dx, dy);
  if (d === 0 || c > 0 === d > 0) return false;
  const a = orient(cx, cy, dx, dy, ax, ay);
  if (a === 0) return false;
  const b = orient(cx, cy, dx, dy, bx, by);
  return b !== 0 && a > 0 !== b > 0;
}

/** Crossings once each, though an edge across the antimeridian is in the arrays twice. */
class CrossingSet {
  readonly #edges: PolygonEdges;
  readonly #seen = new Set<string>();
  readonly #pairs: [number, number][] = [];

  constructor(edges: PolygonEdges) {
    this.#edges = edges;
  }

  add(i: number, j: number): void {
    const first = Math.min(i, j);
    const second = Math.max(i, j);
    const key = `${this.#name(first)} ${this.#name(second)}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#pairs.push([first, second]);
  }

  finish(listedMax: number): Crossings {
    const pairs = this.#pairs.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    return { pairs: pairs.slice(0, listedMax), count: pairs.length };
  }

  get count(): number {
    return this.#pairs.length;
  }

  #name(i: number): string {
    return `${this.#edges.ring[i]}/${this.#edges.position[i]}`;
  }
}

export function crossingsEachWithEach(edges: PolygonEdges, listedMax: number): Crossings {
  let found: CrossingSet | undefined;
  const { count, x1, y1, x2, y2 } = edges;
  for (let i = 0; i < count; i++) {
    const ax = x1[i] as number;
    const ay = y1[i] as number;
    const bx = x2[i] as number;
    const by = y2[i] as number;
    const west = ax < bx ? ax : bx;
    const east = ax < bx ? bx : ax;
    const south = ay < by ? ay : by;
    const north = ay < by ? by : ay;
    for (let j = i + 1; j < count; j++) {
      const cx = x1[j] as number;
      const dx = x2[j] as number;
      if (cx <= west && dx <= west) continue;
      if (cx >= east && dx >= east) continue;
      const cy = y1[j] as number;
      const dy = y2[j] as number;
      if (cy <= south && dy <= south) continue;
      if (cy >= north && dy >= north) continue;
      if (!edgesCross(edges, i, j)) continue;
      found ??= new CrossingSet(edges);
      found.add(i, j);
    }
  }
  return found?.finish(listedMax) ?? { pairs: [], count: 0 };
}

export function crossingsBySweep(edges: PolygonEdges, listedMax: number): Crossings {
  const aside = sweep(edges);
  if (aside.length === 0) return { pairs: [], count: 0 };
  const found = new CrossingSet(edges);
  let comparisons = 0;
  for (const i of aside) {
    if (comparisons > COMPARISONS_MAX || found.count > FOUND_MAX) break;
    comparisons += edges.count;
    for (let j = 0; j < edges.count; j++) {
      if (j !== i && edgesCross(edges, i, j)) found.add(i, j);
    }
  }
  return found.finish(listedMax);
}

/** Sweeps from west to east (at one longitude from south to north); returns edges without which no others cross. */
function sweep(edges: PolygonEdges): number[] {
  const order = new SweepOrder(edges);
  const aside: number[] = [];
  const setAside = new Uint8Array(edges.count);
  const check = (lower: number, upper: number): boolean => {
    if (lower < 0 || upper < 0 || !edgesCross(edges, lower, upper)) return false;
    return true;
  };
  for (const event of eventsOf(edges, order)) {
    const edge = event >> 1;
    if (setAside[edge] === 1) continue;
    if ((event & 1) === 1) {
      order.insert(edge);
      if (check(order.below(edge), edge) || check(edge, order.above(edge))) {
        order.remove(edge);
        setAside[edge] = 1;
        aside.push(edge);
      }
      continue;
    }
    const lower = order.below(edge);
    let upper = order.above(edge);
    order.remove(edge);
    while (check(lower, upper)) {
      const next = order.above(upper);
      order.remove(upper);
      setAside[upper] = 1;
      aside.push(upper);
      upper = next;
    }
  }
  return aside;
}

/** Beginnings (edge × 2 + 1) and ends (edge × 2) in the order of the sweep, at one position ends first. Edges of no length are left out. */
function eventsOf(edges: PolygonEdges, order: SweepOrder): Uint32Array {
  const events = new Uint32Array(2 * edges.count);
  let count = 0;
  for (let i = 0; i < edges.count; i++) {
    if (edges.x1[i] === edges.x2[i] && edges.y1[i] === edges.y2[i]) continue;
    events[count++] = 2 * i;
    events[count++] = 2 * i + 1;
  }
  const { leftX, leftY, rightX, rightY } = order;
  const x = (event: number): number => ((event & 1) === 1 ? leftX : rightX)[event >> 1] as number;
  const y = (event: number): number => ((event & 1) === 1 ? leftY : rightY)[event >> 1] as number;
  return events.subarray(0, count).sort((a, b) => x(a) - x(b) || y(a) - y(b) || (a & 1) - (b & 1));
}
