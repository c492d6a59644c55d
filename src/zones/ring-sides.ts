// On which side of one ring positions lie, for many positions: the ring's edges are listed by columns of longitude.
//
// A position is inside when an odd number of edges lie north of it along its meridian, and one more for a ring around the axis that holds
// the north pole. On an edge is on an edge, exactly (orient.ts).

import { crossesAntimeridian, PolygonEdges } from './edges.ts';
import { orient } from './orient.ts';

export type Side = 'outside' | 'inside' | 'boundary';

const COLUMNS_MAX = 4_096;
/** The lists hold so many times the edges at most; long edges get fewer, wider columns. */
const LISTED_PER_EDGE_MAX = 4;

export class RingSides {
  readonly west: number;
  readonly east: number;
  readonly south: number;
  readonly north: number;
  readonly #edges = new PolygonEdges();
  readonly #northInside: boolean;
  readonly #columns: number;
  /** The edges of column c are those from #starts[c] to #starts[c + 1] − 1 of #listed. */
  readonly #starts: Uint32Array;
  readonly #listed: Uint32Array;

  /** @param start the ring's first position in `coordinates`; @param end one past its last; the ring is closed */
  constructor(coordinates: Float64Array, start: number, end: number) {
    const edges = this.#edges;
    edges.take({ coordinates, starts: [start], ends: [end] });
    let turns = 0;
    let west = 180;
    let east = -180;
    let south = 90;
    let north = -90;
    for (let i = start; i < end; i++) {
      const x = coordinates[2 * i] as number;
      const y = coordinates[2 * i + 1] as number;
      west = Math.min(west, x);
      east = Math.max(east, x);
      south = Math.min(south, y);
      north = Math.max(north, y);
      if (i === start) continue;
      const fromX = coordinates[2 * i - 2] as number;
      if (crossesAntimeridian(fromX, coordinates[2 * i - 1] as number, x, y)) turns += x > fromX ? -1 : 1;
    }
    const crosses = edges.count > end - start - 1;
    const aroundAxis = turns % 2 !== 0;
    const holdsNorth = 90 - north <= south + 90;
    this.#northInside = aroundAxis && holdsNorth;
    this.west = crosses ? -180 : west;
    this.east = crosses ? 180 : east;
    this.south = aroundAxis && !holdsNorth ? -90 : south;
    this.north = aroundAxis && holdsNorth ? 90 : north;

    this.#columns = this.#chooseColumns();
    this.#starts = new Uint32Array(this.#columns + 1);
    for (let i = 0; i < edges.count; i++) {
      for (let c = this.#firstColumn(i); c <= this.#lastColumn(i); c++) this.#starts[c + 1] = this.#start(c + 1) + 1;
    }
    for (let c = 0; c < this.#columns; c++) this.#starts[c + 1] = this.#start(c + 1) + this.#start(c);
    this.#listed = new Uint32Array(this.#start(this.#columns));
    const next = this.#starts.slice();
    for (let i = 0; i < edges.count; i++) {
      for (let c = this.#firstColumn(i); c <= this.#lastColumn(i); c++) {
        const at = next[c] as number;
        this.#listed[at] = i;
        next[c] = at + 1;
      }
    }
  }

  /** −180 and 180 are one meridian: the western end of the map decides, where edges begin; the eastern only adds edges that touch it. */
  sideOf(lon: number, lat: number): Side {
    if (Math.abs(lon) !== 180) return this.#sideOnMap(lon, lat);
    const side = this.#sideOnMap(-180, lat);
    return side !== 'boundary' && this.#sideOnMap(180, lat) === 'boundary' ? 'boundary' : side;
  }

  #sideOnMap(lon: number, lat: number): Side {
    if (lat < this.south || lat > this.north || lon < this.west || lon > this.east) return 'outside';
    const { x1, y1, x2, y2 } = this.#edges;
    const column = this.#column(lon);
    let inside = this.#northInside;
    for (let k = this.#start(column); k < this.#start(column + 1); k++) {
      const i = this.#listed[k] as number;
      const ax = x1[i] as number;
      const ay = y1[i] as number;
      const bx = x2[i] as number;
      const by = y2[i] as number;
      if (ax > lon && bx > lon) continue;
      if (ax < lon && bx < lon) continue;
      if (ay < lat && by < lat) continue;
      const straddles = ax <= lon !== bx <= lon;
      if (ay > lat && by > lat) {
        if (straddles) inside = !inside;
        continue;
      }
      const side = orient(ax, ay, bx, by, lon, lat);
      if (side === 0 && between(ax, bx, lon) && between(ay, by, lat)) return 'boundary';
      if (straddles && side < 0 === bx > ax) inside = !inside;
    }
    return inside ? 'inside' : 'outside';
  }

  #start(column: number): number {
    return this.#starts[column] as number;
  }

  #chooseColumns(): number {
    const width = this.east - this.west;
    const { count, x1, x2 } = this.#edges;
    if (!(width > 0)) return 1;
    let widths = 0;
    for (let i = 0; i < count; i++) widths += Math.abs((x2[i] as number) - (x1[i] as number)) / width;
    return Math.floor(
      Math.max(1, Math.min(COLUMNS_MAX, count / 4, (LISTED_PER_EDGE_MAX * count) / Math.max(widths, 1))),
    );
  }

  /** Monotonous in the longitude, so that a position and the edges over it meet in one column. */
  #column(lon: number): number {
    const at = Math.floor(((lon - this.west) / (this.east - this.west)) * this.#columns);
    return at > 0 ? Math.min(at, this.#columns - 1) : 0;
  }

  #firstColumn(edge: number): number {
    return this.#column(Math.min(this.#edges.x1[edge] as number, this.#edges.x2[edge] as number));
  }

  #lastColumn(edge: number): number {
    return this.#column(Math.max(this.#edges.x1[edge] as number, this.#edges.x2[edge] as number));
  }
}

function between(a: number, b: number, value: number): boolean {
  return a < b ? a <= value && value <= b : b <= value && value <= a;
}
