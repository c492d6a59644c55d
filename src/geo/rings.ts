// Rings of polygons, unrolled: longitudes made continuous, so that flat geometry works across the antimeridian and around the poles.
//
// An edge whose ends are more than 180° of longitude apart goes the short way, across the antimeridian: the ring simply goes on past
// ±180. One edge is exempt: from −180 to 180 along one latitude runs the whole width of the map, as in polygons that were cut there.
// A ring that comes back a whole turn away from its start goes around the axis. It holds the pole that is nearer to it, where
// nearer is measured from the ring's nearest position (at a tie, the north pole).
//
//   unrollRing([[170, 0], [-170, 0], [-170, 10], [170, 10], [170, 0]]).positions // [[170, 0], [190, 0], [190, 10], …]

export type Position = readonly [number, number];

export interface UnrolledRing {
  /** Closed; longitudes unrolled. Around the axis: three turns of the ring, closed beyond the pole that it holds. */
  readonly positions: Position[];
  readonly west: number;
  readonly east: number;
  readonly south: number;
  readonly north: number;
  /** For a ring around the axis, the west end of its middle turn; a point belongs into the 360° that start there. */
  readonly turnWest: number | undefined;
}

/** Past a pole, so that the pole itself lies inside and not on an edge that nobody drew. */
const BEYOND_POLE = 100;

/** The longitude step of an edge: the short way, but for an edge of the map. Exactly 180° apart stays as written. */
function lonStep(from: Position, to: Position): number {
  const step = to[0] - from[0];
  if (step > 180) return step === 360 && from[1] === to[1] ? step : step - 360;
  if (step < -180) return step === -360 && from[1] === to[1] ? step : step + 360;
  return step;
}

/** Unrolls one closed ring of [lon, lat] positions, lon −180..180. Either orientation. */
export function unrollRing(ring: readonly Position[]): UnrolledRing {
  const positions: Position[] = [];
  let x = 0;
  let previous: Position | undefined;
  for (const position of ring) {
    // While no edge has crossed the antimeridian, longitudes stay bit for bit what they were.
    if (previous === undefined) x = position[0];
    else {
      const turns = Math.round((x + lonStep(previous, position) - position[0]) / 360);
      x = turns === 0 ? position[0] : position[0] + 360 * turns;
    }
    positions.push([x, position[1]]);
    previous = position;
  }
  const turn = x - (positions[0]?.[0] ?? 0);
  return Math.abs(turn) < 180 ? bounded(positions, undefined) : aroundAxis(positions, turn < 0 ? -360 : 360);
}

function aroundAxis(once: readonly Position[], turn: number): UnrolledRing {
  const [south, north] = latRange(once);
  const beyond = 90 - north <= south + 90 ? BEYOND_POLE : -BEYOND_POLE;
  const positions: Position[] = [];
  for (let k = -1; k <= 1; k++) {
    for (const [x, y] of k === -1 ? once : once.slice(1)) positions.push([x + k * turn, y]);
  }
  const first = positions[0] as Position;
  const last = positions[positions.length - 1] as Position;
  positions.push([last[0], beyond], [first[0], beyond], first);
  const start = (once[0] as Position)[0];
  return bounded(positions, Math.min(start, start + turn));
}

function latRange(positions: readonly Position[]): [number, number] {
  let south = Number.POSITIVE_INFINITY;
  let north = Number.NEGATIVE_INFINITY;
  for (const [, y] of positions) {
    if (y < south) south = y;
    if (y > north) north = y;
  }
  return [south, north];
}

function bounded(positions: Position[], turnWest: number | undefined): UnrolledRing {
  const [south, north] = latRange(positions);
  let west = Number.POSITIVE_INFINITY;
  let east = Number.NEGATIVE_INFINITY;
  for (const [x] of positions) {
    if (x < west) west = x;
    if (x > east) east = x;
  }
  return { positions, west, east, south, north, turnWest };
}
