// The edges of one polygon as flat arrays, ready for the checks: all of them between −180 and 180.
//
// An edge that crosses the antimeridian (its ends more than 180° of longitude apart) is there twice, once at either end of the map, each time
// with its far end beyond ±180. So edges that meet on the globe meet in these arrays too. native/src/zones/polygon_pieces.h does the same.

/** Rings of a polygon in a layer's coordinates: lon, lat, lon, lat, … */
export interface RingsView {
  readonly coordinates: Float64Array;
  /** First position of each ring, and one past the last. A ring is closed: its last position equals its first. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

export class PolygonEdges {
  count = 0;
  x1 = new Float64Array(0);
  y1 = new Float64Array(0);
  x2 = new Float64Array(0);
  y2 = new Float64Array(0);
  /** Which of the rings, from 0. */
  ring = new Uint32Array(0);
  /** The edge's first position in its ring, from 0. */
  position = new Uint32Array(0);

  /** Takes the edges of these rings in the place of those before. */
  take(rings: RingsView): void {
    this.count = 0;
    const { coordinates } = rings;
    for (let ring = 0; ring < rings.starts.length; ring++) {
      const start = rings.starts[ring] as number;
      const end = rings.ends[ring] as number;
      this.#reserve(end - start);
      for (let i = start + 1; i < end; i++) {
        const x1 = coordinates[2 * i - 2] as number;
        const y1 = coordinates[2 * i - 1] as number;
        const x2 = coordinates[2 * i] as number;
        const y2 = coordinates[2 * i + 1] as number;
        if (!crossesAntimeridian(x1, y1, x2, y2)) {
          this.#push(x1, y1, x2, y2, ring, i - 1 - start);
        } else {
          const turn = x2 > x1 ? -360 : 360;
          this.#push(x1, y1, x2 + turn, y2, ring, i - 1 - start);
          this.#push(x1 - turn, y1, x2, y2, ring, i - 1 - start);
        }
      }
    }
  }

  #push(x1: number, y1: number, x2: number, y2: number, ring: number, position: number): void {
    this.#reserve(1);
    const i = this.count++;
    this.x1[i] = x1;
    this.y1[i] = y1;
    this.x2[i] = x2;
    this.y2[i] = y2;
    this.ring[i] = ring;
    this.position[i] = position;
  }

  #reserve(more: number): void {
    if (this.count + more <= this.x1.length) return;
    const length = this.count === 0 ? more : 2 * (this.count + more);
    for (const name of ['x1', 'y1', 'x2', 'y2'] as const) {
      const grown = new Float64Array(length);
      grown.set(this[name]);
      this[name] = grown;
    }
    for (const name of ['ring', 'position'] as const) {
      const grown = new Uint32Array(length);
      grown.set(this[name]);
      this[name] = grown;
    }
  }
}

/** An edge goes the short way, across the antimeridian; but from −180 to 180 along one latitude it is an edge of the map. */
export function crossesAntimeridian(x1: number, y1: number, x2: number, y2: number): boolean {
  const step = Math.abs(x2 - x1);
  return step > 180 && !(step === 360 && y1 === y2);
}
