// The edges that a sweep line meets, from the lowest to the highest, in a treap after Seidel and Aragon, "Randomized search trees" (1996),
// threaded as a list, so that an edge's neighbours are at hand. Edges are added at their western end and must not cross while both are in.

import type { PolygonEdges } from './edges.ts';
import { orient } from './orient.ts';

const NONE = -1;

export class SweepOrder {
  /** Western and eastern ends; at one longitude the southern end counts as western. */
  readonly leftX: Float64Array;
  readonly leftY: Float64Array;
  readonly rightX: Float64Array;
  readonly rightY: Float64Array;
  readonly #parent: Int32Array;
  readonly #lower: Int32Array;
  readonly #upper: Int32Array;
  readonly #previous: Int32Array;
  readonly #next: Int32Array;
  readonly #priority: Uint32Array;
  #root = NONE;

  constructor(edges: PolygonEdges) {
    const { count } = edges;
    this.leftX = new Float64Array(count);
    this.leftY = new Float64Array(count);
    this.rightX = new Float64Array(count);
    this.rightY = new Float64Array(count);
    this.#parent = new Int32Array(count);
    this.#lower = new Int32Array(count);
    this.#upper = new Int32Array(count);
    this.#previous = new Int32Array(count);
    this.#next = new Int32Array(count);
    this.#priority = new Uint32Array(count);
    for (let i = 0; i < count; i++) {
      const x1 = edges.x1[i] as number;
      const y1 = edges.y1[i] as number;
      const x2 = edges.x2[i] as number;
      const y2 = edges.y2[i] as number;
      const forward = x1 < x2 || (x1 === x2 && y1 <= y2);
      this.leftX[i] = forward ? x1 : x2;
      this.leftY[i] = forward ? y1 : y2;
      this.rightX[i] = forward ? x2 : x1;
      this.rightY[i] = forward ? y2 : y1;
      // A fixed scramble is random enough: it only keeps the tree from growing tall along a ring.
      this.#priority[i] = Math.imul(i ^ (i >>> 15), 0x2c1b3c6d) ^ Math.imul(i + 0x9e3779b9, 0x85ebca6b);
    }
  }

  /** The edge right below, or −1. */
  below(edge: number): number {
    return this.#previous[edge] as number;
  }

  /** The edge right above, or −1. */
  above(edge: number): number {
    return this.#next[edge] as number;
  }

  insert(edge: number): void {
    let parent = NONE;
    let previous = NONE;
    let next = NONE;
    for (let at = this.#root; at !== NONE; ) {
      parent = at;
      if (this.#isAbove(edge, at)) {
        previous = at;
        at = this.#upper[at] as number;
      } else {
        next = at;
        at = this.#lower[at] as number;
      }
    }
    this.#parent[edge] = parent;
    this.#lower[edge] = NONE;
    this.#upper[edge] = NONE;
    if (parent === NONE) this.#root = edge;
    else if (parent === previous) this.#upper[parent] = edge;
    else this.#lower[parent] = edge;
    this.#link(previous, edge);
    this.#link(edge, next);
    if (previous === NONE) this.#previous[edge] = NONE;
    if (next === NONE) this.#next[edge] = NONE;
    while (this.#parent[edge] !== NONE && this.#outranks(edge, this.#parent[edge] as number)) this.#lift(edge);
  }

  remove(edge: number): void {
    for (;;) {
      const lower = this.#lower[edge] as number;
      const upper = this.#upper[edge] as number;
      if (lower === NONE || upper === NONE) {
        this.#replace(edge, lower === NONE ? upper : lower);
        break;
      }
      this.#lift(this.#outranks(lower, upper) ? lower : upper);
    }
    const previous = this.#previous[edge] as number;
    const next = this.#next[edge] as number;
    if (previous !== NONE) this.#next[previous] = next;
    if (next !== NONE) this.#previous[next] = previous;
  }

  /** Whether an edge that begins now goes above one that is in. */
  #isAbove(edge: number, other: number): boolean {
    const ax = this.leftX[other] as number;
    const ay = this.leftY[other] as number;
    const bx = this.rightX[other] as number;
    const by = this.rightY[other] as number;
    const begins = orient(ax, ay, bx, by, this.leftX[edge] as number, this.leftY[edge] as number);
    if (begins !== 0) return begins > 0;
    const goes = orient(ax, ay, bx, by, this.rightX[edge] as number, this.rightY[edge] as number);
    return goes !== 0 ? goes > 0 : edge > other;
  }

  #outranks(a: number, b: number): boolean {
    return (this.#priority[a] as number) > (this.#priority[b] as number);
  }

  #link(lower: number, upper: number): void {
    if (lower !== NONE) this.#next[lower] = upper;
    if (upper !== NONE) this.#previous[upper] = lower;
  }

  /** Puts `child` (or nothing) in the place of `edge` under its parent. */
  #replace(edge: number, child: number): void {
    const parent = this.#parent[edge] as number;
    if (parent === NONE) this.#root = child;
    else if (this.#lower[parent] === edge) this.#lower[parent] = child;
    else this.#upper[parent] = child;
    if (child !== NONE) this.#parent[child] = parent;
  }

  /** Rotates an edge above its parent. */
  #lift(edge: number): void {
    const parent = this.#parent[edge] as number;
    this.#replace(parent, edge);
    if (this.#lower[parent] === edge) {
      const moved = this.#upper[edge] as number;
      this.#lower[parent] = moved;
      if (moved !== NONE) this.#parent[moved] = parent;
      this.#upper[edge] = parent;
    } else {
      const moved = this.#lower[edge] as number;
      this.#upper[parent] = moved;
      if (moved !== NONE) this.#parent[moved] = parent;
      this.#lower[edge] = parent;
    }
    this.#parent[parent] = edge;
  }
}
