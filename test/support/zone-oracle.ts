// The slow, obvious zones: plain ray casting over every edge of every polygon, in exact arithmetic (BigInt), with nothing shared with src/zones
// but the layer. The ray goes east, rings are unrolled and asked at every turn, those around the axis are closed beyond their pole.

import { type Layer, rangeOf, ringsOfPart, type ZoneProperties } from '../../src/zones/layer.ts';

type Point = readonly [bigint, bigint];

/** Doubles as whole numbers of 2^-1074, exactly. */
export function exact(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  const size = exponent === 0 ? fraction : (fraction | 0x10000000000000n) << BigInt(exponent - 1);
  return bits >> 63n === 1n ? -size : size;
}

const TURN = exact(360);
const HALF_TURN = exact(180);
const POLE = exact(90);

type Side = 'outside' | 'inside' | 'boundary';

interface Ring {
  readonly positions: readonly Point[];
  /** Around the axis: the west end of the middle of three turns. */
  readonly turnWest: bigint | undefined;
  readonly west: bigint;
  readonly east: bigint;
}

export interface OracleZone {
  readonly layer: string;
  readonly id: string;
  readonly properties: ZoneProperties;
  readonly priority: number;
  readonly area: number;
  readonly polygons: readonly (readonly Ring[])[];
}

export class ZoneOracle {
  readonly zones: readonly OracleZone[];

  constructor(layers: readonly Layer[]) {
    this.zones = layers.flatMap((layer) =>
      layer.ids.map((id, zone) => {
        const [first, end] = rangeOf(layer.zoneEnds, zone);
        const polygons: Ring[][] = [];
        for (let part = first; part < end; part++) polygons.push(ringsOfPart(layer, part).map(unroll));
        return {
          layer: layer.name,
          id,
          properties: layer.properties[zone] ?? null,
          priority: layer.priorities[zone] as number,
          area: layer.areas[zone] as number,
          polygons,
        };
      }),
    );
  }

  /** Zones that cover the point, in the order of answers. */
  lookup(lat: number, lon: number, layer?: string): OracleZone[] {
    const point: Point = [exact(lon), exact(lat)];
    return this.zones
      .filter(
        (zone) => (layer === undefined || zone.layer === layer) && zone.polygons.some((rings) => covers(rings, point)),
      )
      .sort(
        (a, b) =>
          Buffer.compare(Buffer.from(a.layer), Buffer.from(b.layer)) ||
          b.priority - a.priority ||
          a.area - b.area ||
          Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)),
      );
  }
}

function unroll(ring: readonly (readonly [number, number])[]): Ring {
  const given = ring.map(([lon, lat]): Point => [exact(lon), exact(lat)]);
  const positions: Point[] = [given[0] as Point];
  let x = (given[0] as Point)[0];
  for (let i = 1; i < given.length; i++) {
    const [fromLon, fromLat] = given[i - 1] as Point;
    const [lon, lat] = given[i] as Point;
    let step = lon - fromLon;
    const edgeOfMap = (step === TURN || step === -TURN) && lat === fromLat;
    if (step > HALF_TURN && !edgeOfMap) step -= TURN;
    else if (step < -HALF_TURN && !edgeOfMap) step += TURN;
    x += step;
    positions.push([x, lat]);
  }
  const turn = x - (positions[0] as Point)[0];
  if ((turn / TURN) % 2n === 0n) return bounded(positions, undefined);
  const lats = positions.map(([, lat]) => lat);
  const north = lats.reduce((a, b) => (a > b ? a : b));
  const south = lats.reduce((a, b) => (a < b ? a : b));
  const beyond = POLE - north <= south + POLE ? 2n * POLE : -2n * POLE;
  const turned = [-1n, 0n, 1n].flatMap((k) => positions.map(([lon, lat]): Point => [lon + k * turn, lat]));
  const first = turned[0] as Point;
  const last = turned[turned.length - 1] as Point;
  const start = (positions[0] as Point)[0];
  return bounded([...turned, [last[0], beyond], [first[0], beyond], first], turn < 0n ? start + turn : start);
}

function bounded(positions: readonly Point[], turnWest: bigint | undefined): Ring {
  const lons = positions.map(([lon]) => lon);
  return {
    positions,
    turnWest,
    west: lons.reduce((a, b) => (a < b ? a : b)),
    east: lons.reduce((a, b) => (a > b ? a : b)),
  };
}

function covers(rings: readonly Ring[], point: Point): boolean {
  let inside = false;
  for (const ring of rings) {
    const side = sideOf(ring, point);
    if (side === 'boundary') return true;
    if (side === 'inside') inside = !inside;
  }
  return inside;
}

function sideOf(ring: Ring, [lon, lat]: Point): Side {
  if (ring.turnWest !== undefined) {
    let x = lon;
    while (x < ring.turnWest) x += TURN;
    while (x >= ring.turnWest + TURN) x -= TURN;
    return sideOfFlat(ring, [x, lat]);
  }
  let inside = false;
  let x = lon;
  while (x - TURN >= ring.west) x -= TURN;
  while (x < ring.west) x += TURN;
  for (; x <= ring.east; x += TURN) {
    const side = sideOfFlat(ring, [x, lat]);
    if (side === 'boundary') return side;
    if (side === 'inside') inside = !inside;
  }
  return inside ? 'inside' : 'outside';
}

function sideOfFlat(ring: Ring, [x, y]: Point): Side {
  let inside = false;
  for (let i = 1; i < ring.positions.length; i++) {
    const p = ring.positions[i - 1] as Point;
    const q = ring.positions[i] as Point;
    const [a, b] = p[1] <= q[1] ? [p, q] : [q, p];
    if (y < a[1] || y > b[1]) continue;
    const side = (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]);
    if (side === 0n && (a[1] !== b[1] ? true : (x - a[0]) * (x - b[0]) <= 0n)) return 'boundary';
    if (a[1] <= y && y < b[1] && side > 0n) inside = !inside;
  }
  return inside ? 'inside' : 'outside';
}
