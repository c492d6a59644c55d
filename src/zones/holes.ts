// Whether the holes of a polygon lie in its shell, and none within another: a hole within a hole is outside of what the polygon covers.
//
// Rings that cross have been reported as that; here a hole's first position that is on no edge decides. A hole may touch its shell
// or another hole, but not cover all of it. A hole of no area may lie on the shell.

import RBush from 'rbush';
import type { RingsView } from './edges.ts';
import { hasNoArea } from './ring-reader.ts';
import { RingSides, type Side } from './ring-sides.ts';

interface HoleBox {
  readonly minX: number;
  readonly minY: number;
  readonly maxX: number;
  readonly maxY: number;
  readonly ring: number;
}

/** The rings at fault, ascending, each with the ring that it should be inside of (0, the shell) or outside of (another hole). */
export function holesOutside(rings: RingsView): { ring: number; other: number }[] {
  const holes = rings.starts.length - 1;
  if (holes < 1) return [];
  const sides = rings.starts.map((start, ring) => new RingSides(rings.coordinates, start, rings.ends[ring] as number));
  const shell = sides[0] as RingSides;
  const tree = new RBush<HoleBox>();
  if (holes > 1) {
    tree.load(
      sides
        .slice(1)
        .map((box, i) => ({ minX: box.west, minY: box.south, maxX: box.east, maxY: box.north, ring: i + 1 })),
    );
  }
  const found: { ring: number; other: number }[] = [];
  for (let ring = 1; ring <= holes; ring++) {
    const side = sideOfRing(rings, ring, shell);
    if (side === 'boundary' && hasNoArea(rings.coordinates, rings.starts[ring] as number, rings.ends[ring] as number))
      continue;
    if (side !== 'inside') {
      found.push({ ring, other: 0 });
      continue;
    }
    const other = holes > 1 ? holeAround(rings, sides, tree, ring) : undefined;
    if (other !== undefined) found.push({ ring, other });
  }
  return found;
}

/** Another hole that this one lies in; of two that cover the same, the later one is at fault. */
function holeAround(
  rings: RingsView,
  sides: readonly RingSides[],
  tree: RBush<HoleBox>,
  ring: number,
): number | undefined {
  const own = sides[ring] as RingSides;
  const x = rings.coordinates[2 * (rings.starts[ring] as number)] as number;
  const y = rings.coordinates[2 * (rings.starts[ring] as number) + 1] as number;
  for (const box of tree.search({ minX: x, minY: y, maxX: x, maxY: y })) {
    if (box.ring === ring) continue;
    const around = sides[box.ring] as RingSides;
    if (own.south < around.south || own.north > around.north) continue;
    const side = sideOfRing(rings, ring, around);
    if (side === 'inside' || (side === 'boundary' && box.ring < ring)) return box.ring;
  }
  return undefined;
}

/** The side that a ring's positions are on, or the middles of its edges when all positions are on edges. */
function sideOfRing(rings: RingsView, ring: number, of: RingSides): Side {
  const { coordinates } = rings;
  const start = rings.starts[ring] as number;
  const end = rings.ends[ring] as number;
  for (let i = start; i < end; i++) {
    const side = of.sideOf(coordinates[2 * i] as number, coordinates[2 * i + 1] as number);
    if (side !== 'boundary') return side;
  }
  for (let i = start + 1; i < end; i++) {
    const x1 = coordinates[2 * i - 2] as number;
    const x2 = coordinates[2 * i] as number;
    if (Math.abs(x2 - x1) > 180) continue;
    const side = of.sideOf(
      (x1 + x2) / 2,
      ((coordinates[2 * i - 1] as number) + (coordinates[2 * i + 1] as number)) / 2,
    );
    if (side !== 'boundary') return side;
  }
  return 'boundary';
}
