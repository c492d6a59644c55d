// Boxes of longitude and latitude: whether one holds a point, and which of them cover an area for a search in a flat index.
//
// A flat index holds longitudes in −180 < lon ≤ 180 (see normalLon), so an area that crosses the antimeridian becomes two boxes.
// Covering boxes are a hair too large, never too small: whoever asks still tests every point exactly.
//
//   coverSpan(170, 190, -5, 5) // about [{170..180}, {-180..-170}]

import { EARTH_RADIUS_METERS } from './distance.ts';

/** Degrees; west ≤ east. */
export interface FlatBox {
  readonly west: number;
  readonly south: number;
  readonly east: number;
  readonly north: number;
}

/** Much more than rounding can lose at 360, much less than anybody sees: 0.1 mm. */
const SLACK_DEGREES = 1e-9;
const DEGREES = 180 / Math.PI;

/**
 * Whether a bbox holds a point, edges included. West > east crosses the antimeridian. −180 and 180 are one meridian, in the box and
 * in the point. A pole belongs to the box only at the longitudes that the box has: boxes are flat.
 */
export function bboxContains(
  west: number,
  south: number,
  east: number,
  north: number,
  lat: number,
  lon: number,
): boolean {
  if (lat < south || lat > north) return false;
  const onAntimeridian = lon === 180 || lon === -180;
  if (west > east) return onAntimeridian || lon >= west || lon <= east;
  if (onAntimeridian) return west === -180 || east === 180;
  return lon >= west && lon <= east;
}

/** The boxes that cover longitudes west..east (unrolled: any numbers, west ≤ east) and latitudes south..north. Disjoint. */
export function coverSpan(west: number, east: number, south: number, north: number): FlatBox[] {
  const s = south - SLACK_DEGREES;
  const n = north + SLACK_DEGREES;
  const width = east - west + 2 * SLACK_DEGREES;
  if (!(width < 360)) return [{ west: -180, south: s, east: 180, north: n }];
  const turned = west - SLACK_DEGREES;
  const w = turned - 360 * Math.floor((turned + 180) / 360);
  const e = w + width;
  if (e <= 180) return [{ west: w, south: s, east: e, north: n }];
  return [
    { west: w, south: s, east: 180, north: n },
    { west: -180, south: s, east: e - 360, north: n },
  ];
}

/** The boxes that cover a bbox as `bboxContains` understands it. */
export function coverBbox(west: number, south: number, east: number, north: number): FlatBox[] {
  return coverSpan(west, west > east ? east + 360 : east, south, north);
}

/**
 * The boxes that cover a circle on the sphere, radius ≥ 0. Source of the width: the two meridians that touch a circle lie
 * asin(sin r / cos lat) to either side (J. P. Snyder, "Map Projections: A Working Manual", 1987, equations 5-3 and 5-4).
 */
export function coverCircle(lat: number, lon: number, radiusMeters: number): FlatBox[] {
  // A centimetre more covers the rounding of distances and, near a pole, that of asin.
  const angle = (radiusMeters + 0.01) / EARTH_RADIUS_METERS;
  const south = lat - angle * DEGREES;
  const north = lat + angle * DEGREES;
  const sine = Math.sin(angle) / Math.cos(lat / DEGREES);
  if (south <= -90 || north >= 90 || sine >= 1 || angle >= Math.PI / 2) {
    return coverSpan(-180, 180, Math.max(south, -90), Math.min(north, 90));
  }
  const halfWidth = Math.asin(sine) * DEGREES;
  return coverSpan(lon - halfWidth, lon + halfWidth, south, north);
}

/** What lies in a box of each list. */
export function intersectBoxes(some: readonly FlatBox[], others: readonly FlatBox[]): FlatBox[] {
  return some.flatMap((a) =>
    others.flatMap((b) => {
      const west = Math.max(a.west, b.west);
      const south = Math.max(a.south, b.south);
      const east = Math.min(a.east, b.east);
      const north = Math.min(a.north, b.north);
      return west <= east && south <= north ? [{ west, south, east, north }] : [];
    }),
  );
}
