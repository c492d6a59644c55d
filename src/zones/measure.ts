// The area of a polygon on the globe, by turf, for the order of overlapping zones. Rings across the antimeridian are unrolled first, and
// those around the axis closed along their pole.

import { area } from '@turf/area';
import { crossesAntimeridian } from './edges.ts';

/** Square metres: the shell's area less its holes'. A ring of the arrays is closed. */
export function polygonArea(
  coordinates: Float64Array,
  ringStarts: readonly number[],
  ringEnds: readonly number[],
): number {
  const rings = ringStarts.map((start, i) => unrolled(coordinates, start, ringEnds[i] as number));
  return Math.max(0, area({ type: 'Polygon', coordinates: rings }));
}

function unrolled(coordinates: Float64Array, start: number, end: number): [number, number][] {
  const positions: [number, number][] = [];
  let turn = 0;
  let south = 90;
  let north = -90;
  for (let i = start; i < end; i++) {
    const x = coordinates[2 * i] as number;
    const y = coordinates[2 * i + 1] as number;
    if (i > start) {
      const fromX = coordinates[2 * i - 2] as number;
      if (crossesAntimeridian(fromX, coordinates[2 * i - 1] as number, x, y)) turn += x > fromX ? -360 : 360;
    }
    positions.push([x + turn, y]);
    if (y < south) south = y;
    if (y > north) north = y;
  }
  if (turn !== 0) {
    const first = positions[0] as [number, number];
    const last = positions[positions.length - 1] as [number, number];
    const pole = 90 - north <= south + 90 ? 90 : -90;
    positions.push([last[0], pole], [first[0], pole], first);
  }
  return positions;
}
