// Crossings by the sweep, each with each, and by exact whole numbers; and that the sweep does not take quadratic time.

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crossingsBySweep, crossingsEachWithEach, findCrossings } from '../../../src/zones/crossings.ts';
import { PolygonEdges } from '../../../src/zones/edges.ts';
import { orient } from '../../../src/zones/orient.ts';
import { exact } from '../../support/zone-oracle.ts';

type Position = readonly [number, number];

function edgesOf(...rings: readonly (readonly Position[])[]): PolygonEdges {
  const starts: number[] = [];
  const ends: number[] = [];
  const numbers: number[] = [];
  for (const ring of rings) {
    starts.push(numbers.length / 2);
    for (const [x, y] of [...ring, ring[0] as Position]) numbers.push(x, y);
    ends.push(numbers.length / 2);
  }
  const edges = new PolygonEdges();
  edges.take({ coordinates: Float64Array.from(numbers), starts, ends });
  return edges;
}

function sign(ax: number, ay: number, bx: number, by: number, cx: number, cy: number): number {
  const [a, b, c, d, e, f] = [ax, ay, bx, by, cx, cy].map(exact) as [bigint, bigint, bigint, bigint, bigint, bigint];
  const determinant = (a - e) * (d - f) - (b - f) * (c - e);
  return determinant > 0n ? 1 : determinant < 0n ? -1 : 0;
}

const small = fc.integer({ min: 0, max: 9 });
const near = fc.tuple(small, fc.integer({ min: -2, max: 2 })).map(([n, ulps]) => n + 10 + ulps * 2 ** -49);

describe('orient', () => {
  test('agrees with whole numbers, also where rounding would lie', () => {
    fc.assert(
      fc.property(near, near, near, near, near, near, (ax, ay, bx, by, cx, cy) => {
        expect(Math.sign(orient(ax, ay, bx, by, cx, cy))).toBe(sign(ax, ay, bx, by, cx, cy));
      }),
      { numRuns: 2_000 },
    );
    expect(orient(12, 12, 24, 24, 0.5, 0.5)).toBe(0);
    expect(orient(12, 12, 24, 24, 0.5, 0.5 + 2 ** -53)).toBeGreaterThan(0);
  });
});

describe('the sweep over edges', () => {
  const coordinate = fc.oneof(
    small,
    small.map((n) => n + 0.5),
  );
  const ring = fc.array(fc.tuple(coordinate, coordinate), { minLength: 3, maxLength: 25 });

  test('finds the same crossings as comparing each with each', () => {
    fc.assert(
      fc.property(fc.array(ring, { minLength: 1, maxLength: 3 }), (rings) => {
        const edges = edgesOf(...rings);
        expect(crossingsBySweep(edges, 1e6)).toEqual(crossingsEachWithEach(edges, 1e6));
      }),
      { numRuns: 2_000 },
    );
  });

  test('finds nothing where edges only touch', () => {
    const touching = edgesOf(
      [
        [0, 0],
        [4, 0],
        [4, 4],
        [2, 0],
        [0, 4],
      ],
      [
        [0, 0],
        [4, 0],
        [2, 0],
        [1, 0],
      ],
      [
        [4, 4],
        [6, 4],
        [6, 6],
      ],
    );
    expect(crossingsBySweep(touching, 10).count).toBe(0);
    expect(crossingsEachWithEach(touching, 10).count).toBe(0);
  });

  test('finds crossings across the antimeridian once', () => {
    const bowtie = edgesOf([
      [179, 0],
      [-179, 2],
      [-179, 0],
      [179, 2],
    ]);
    expect(crossingsEachWithEach(bowtie, 10).count).toBe(1);
    expect(crossingsBySweep(bowtie, 10).count).toBe(1);
  });

  test('compares far fewer edges than each with each on a comb whose teeth all overlap', () => {
    // 50,000 slanted teeth as long as the comb is wide: each tooth's box overlaps with all others'.
    const teeth: Position[] = [];
    for (let i = 0; i < 50_000; i++) teeth.push([i / 1000, i / 2000], [50 + i / 1000 + 0.0004, 40 + i / 2000]);
    const edges = edgesOf([...teeth, [100, 0]]);
    expect(edges.count).toBeGreaterThan(98_192);
    // Each with each this takes minutes, and the test times out.
    expect(findCrossings(edges, 10).count).toBe(0);
  });
});
