// Whether the holes of a polygon lie in its shell, and none within another: a hole within a hole is outside of what the polygon covers.
//
// Rings that cross have been reported as that; here a hole's first position that is on no edge decides. A hole may touch its shell
// or another hole, but not cover all of it. A hole of no area may lie on the shell.

import RBush from 'rbush';
import type { RingsView } from './edges.ts';
import { RingSides, type Side } from './ring-sides.ts';

interface HoleBox {
  readonly minX: number;
  readonly minY: number;
  readonly maxX: number;
  readonly maxY: number;
  readonly ring: number;
}

/** Pairs of holes that may be compared: seconds. A polygon with more is not searched for holes in holes to its end. */
const COMPARISONS_MAX = 2e6;

/** The rings at fault, ascending, each with the ring that it should be inside of (0, the shell) or outside of (another hole). */
export function holesOutside(rings: RingsView): { ring: number; other: number }[] {
  const count = rings.starts.length;
  if (count < 2) return [];
  const shell = sidesOf(rings, 0);
  const found: { ring: number; other: number }[] = [];
  const within: number[] = [];
  for (let ring = 1; ring < count; ring++) {
    const side = sideOfPositions(rings, ring, shell);
    if (side === 'inside' || (side === 'boundary' && mayTouchShell(rings, ring, shell))) within.push(ring);
    else found.push({ ring, other: 0 });
  }
  if (within.length > 1) found.push(...holesInHoles(rings, within));
  return found.sort((a, b) => a.ring - b.ring);
}

/** Goes from large holes to small ones, and compares each with the larger ones that are in no other. */
function holesInHoles(rings: RingsView, holes: readonly number[]): { ring: number; other: number }[] {
  const boxes = holes.map((ring) => boxOf(rings, ring));
  boxes.sort((a, b) => areaOf(b) - areaOf(a) || a.ring - b.ring);
  const tree = new RBush<HoleBox>();
  const sides = new Map<number, RingSides>();
  const found: { ring: number; other: number }[] = [];
  let comparisons = 0;
  for (const { ring, ...box } of boxes) {
    const lon = rings.coordinates[2 * (rings.starts[ring] as number)] as number;
    const lat = rings.coordinates[2 * (rings.starts[ring] as number) + 1] as number;
    const around = tree.search({ minX: lon, minY: lat, maxX: lon, maxY: lat }).find((other) => {
      comparisons++;
      if (other.minY > box.minY || other.maxY < box.maxY) return false;
      const made = sides.get(other.ring) ?? sidesOf(rings, other.ring);
      sides.set(other.ring, made);
      return sideOfRing(rings, ring, made) !== 'outside';
    });
    if (around === undefined) tree.insert({ ...box, ring });
    else found.push({ ring, other: around.ring });
    if (comparisons > COMPARISONS_MAX) break;
  }
  return found;
}

function sidesOf(rings: RingsView, ring: number): RingSides {
  return new RingSides(rings.coordinates, rings.starts[ring] as number, rings.ends[ring] as number);
}

/** All the map wide for a ring that crosses the antimeridian. */
function boxOf(rings: RingsView, ring: number): HoleBox {
  const box = { minX: 180, minY: 90, maxX: -180, maxY: -90, ring };
  let last = Number.NaN;
  for (let i = rings.starts[ring] as number; i < (rings.ends[ring] as number); i++) {
    const lon = rings.coordinates[2 * i] as number;
    const lat = rings.coordinates[2 * i + 1] as number;
    const crosses = Math.abs(lon - last) > 180;
    box.minX = crosses ? -180 : Math.min(box.minX, lon);
    box.maxX = crosses ? 180 : Math.max(box.maxX, lon);
    box.minY = Math.min(box.minY, lat);
    box.maxY = Math.max(box.maxY, lat);
    last = lon;
  }
  return box;
}

function areaOf(box: HoleBox): number {
  return (box.maxX - box.minX) * (box.maxY - box.minY);
}

/** For a hole whose positions are all on its shell: whether it lies inside without covering all of it, or has no area. */
function mayTouchShell(rings: RingsView, ring: number, shell: RingSides): boolean {
  const middle = positionInside(rings, ring);
  if (middle === undefined) return true;
  return shell.sideOf(...middle) === 'inside' && sideOfPositions(rings, 0, sidesOf(rings, ring)) !== 'boundary';
}

/** The side that a ring is on. */
function sideOfRing(rings: RingsView, ring: number, of: RingSides): Side {
  const side = sideOfPositions(rings, ring, of);
  const middle = side === 'boundary' ? positionInside(rings, ring) : undefined;
  return middle === undefined ? side : of.sideOf(...middle);
}

/** The side that a ring's positions are on; 'boundary' when all of them are on edges. */
function sideOfPositions(rings: RingsView, ring: number, of: RingSides): Side {
  const { coordinates } = rings;
  for (let i = rings.starts[ring] as number; i < (rings.ends[ring] as number); i++) {
    const side = of.sideOf(coordinates[2 * i] as number, coordinates[2 * i + 1] as number);
    if (side !== 'boundary') return side;
  }
  return 'boundary';
}

/** [lon, lat] somewhere inside of a ring: the middle of three positions in a row; undefined for a ring of no area. */
function positionInside(rings: RingsView, ring: number): [number, number] | undefined {
  const { coordinates } = rings;
  const own = sidesOf(rings, ring);
  for (let i = (rings.starts[ring] as number) + 2; i < (rings.ends[ring] as number); i++) {
    const [a, b, c] = [i - 2, i - 1, i].map((at) => coordinates[2 * at] as number) as [number, number, number];
    if (Math.abs(a - b) > 180 || Math.abs(b - c) > 180 || Math.abs(c - a) > 180) continue;
    const lats = [i - 2, i - 1, i].map((at) => coordinates[2 * at + 1] as number) as [number, number, number];
    const lat = (lats[0] + lats[1] + lats[2]) / 3;
    if (own.sideOf((a + b + c) / 3, lat) === 'inside') return [(a + b + c) / 3, lat];
  }
  return undefined;
}
