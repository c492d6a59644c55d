// The portable zone index: boxes in an rbush, rings asked by turf. The slow, obvious twin of the native one, and what serves without it.
//
// turf works on a flat map, so rings across the antimeridian are unrolled (src/geo/rings.ts) and asked at every turn at which they could
// hold the point. Inside is what an odd number of a polygon's rings go around; on an edge is in.

import { booleanPointInPolygon } from '@turf/turf';
import RBush, { type BBox } from 'rbush';
import { coverSpan, type FlatBox } from '../geo/boxes.ts';
import { type UnrolledRing, unrollRing } from '../geo/rings.ts';
import { type Layer, rangeOf, ringsOfPart } from './layer.ts';
import type { ZoneAnswer, ZoneIndex, ZoneShape } from './zone-index.ts';
import { zonesInOrder } from './zone-order.ts';

interface Polygon {
  readonly rings: readonly PreparedRing[];
  readonly boxes: readonly FlatBox[];
}

interface PreparedRing {
  readonly unrolled: UnrolledRing;
  readonly geometry: { readonly type: 'Polygon'; readonly coordinates: [number, number][][] };
}

interface Entry extends FlatBox {
  readonly number: number;
  readonly polygon: Polygon;
}

class EntryTree extends RBush<Entry> {
  override toBBox(entry: Entry): BBox {
    return { minX: entry.west, minY: entry.south, maxX: entry.east, maxY: entry.north };
  }
  override compareMinX(a: Entry, b: Entry): number {
    return a.west - b.west;
  }
  override compareMinY(a: Entry, b: Entry): number {
    return a.south - b.south;
  }
}

interface Zone extends ZoneAnswer {
  readonly polygons: readonly Polygon[];
}

export class PortableZoneIndex implements ZoneIndex {
  readonly version: number;
  readonly #zones: Zone[] = [];
  readonly #tree = new EntryTree();
  readonly #numbersOfLayer = new Map<string, { first: number; end: number }>();

  constructor(version: number, layers: readonly Layer[]) {
    this.version = version;
    const entries: Entry[] = [];
    // Names are ASCII, so this is the order of their bytes.
    for (const layer of [...layers].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const first = this.#zones.length;
      for (const zone of zonesInOrder(layer)) {
        const number = this.#zones.length;
        const polygons = polygonsOf(layer, zone);
        for (const polygon of polygons) for (const box of polygon.boxes) entries.push({ ...box, number, polygon });
        this.#zones.push({
          layer: layer.name,
          id: layer.ids[zone] as string,
          properties: layer.properties[zone] ?? null,
          polygons,
        });
      }
      this.#numbersOfLayer.set(layer.name, { first, end: this.#zones.length });
    }
    this.#tree.load(entries);
  }

  lookup(lat: number, lon: number, layer?: string): readonly number[] {
    const range = layer === undefined ? { first: 0, end: this.#zones.length } : this.#numbersOfLayer.get(layer);
    if (range === undefined) return [];
    const found = new Set<number>();
    for (const x of Math.abs(lon) === 180 ? [-180, 180] : [lon]) {
      for (const { number, polygon } of this.#tree.search({ minX: x, minY: lat, maxX: x, maxY: lat })) {
        if (number < range.first || number >= range.end || found.has(number)) continue;
        if (covers(polygon, lat, lon)) found.add(number);
      }
    }
    return [...found].sort((a, b) => a - b);
  }

  zone(number: number): ZoneAnswer {
    const { layer, id, properties } = this.#zones[number] as Zone;
    return { layer, id, properties };
  }

  shape(layer: string, id: string): ZoneShape | undefined {
    const range = this.#numbersOfLayer.get(layer);
    const zone = this.#zones.slice(range?.first ?? 0, range?.end ?? 0).find((candidate) => candidate.id === id);
    if (zone === undefined) return undefined;
    return {
      contains: (lat, lon) => zone.polygons.some((polygon) => covers(polygon, lat, lon)),
      boxes: zone.polygons.flatMap(({ boxes }) =>
        boxes.map((box) => [box.west, box.south, box.east, box.north] as const),
      ),
    };
  }
}

function polygonsOf(layer: Layer, zone: number): Polygon[] {
  const [first, end] = rangeOf(layer.zoneEnds, zone);
  const polygons: Polygon[] = [];
  for (let part = first; part < end; part++) {
    const rings = ringsOfPart(layer, part).map((ring) => {
      const unrolled = unrollRing(ring);
      const coordinates = [unrolled.positions as unknown as [number, number][]];
      return { unrolled, geometry: { type: 'Polygon' as const, coordinates } };
    });
    polygons.push({ rings, boxes: rings.flatMap((ring) => boxesOf(ring.unrolled)) });
  }
  return polygons;
}

function boxesOf(ring: UnrolledRing): FlatBox[] {
  const south = Math.max(ring.south, -90);
  const north = Math.min(ring.north, 90);
  return ring.turnWest === undefined
    ? coverSpan(ring.west, ring.east, south, north)
    : coverSpan(-180, 180, south, north);
}

function covers(polygon: Polygon, lat: number, lon: number): boolean {
  let inside = false;
  for (const ring of polygon.rings) {
    const side = sideOf(ring, lat, lon);
    if (side === 'boundary') return true;
    if (side === 'inside') inside = !inside;
  }
  return inside;
}

function sideOf(
  { unrolled: ring, geometry }: PreparedRing,
  lat: number,
  lon: number,
): 'outside' | 'inside' | 'boundary' {
  if (lat < ring.south || lat > ring.north) return 'outside';
  let inside = false;
  const west = ring.turnWest ?? ring.west;
  for (let x = lon + 360 * Math.ceil((west - lon) / 360); x <= ring.east; x += 360) {
    if (booleanPointInPolygon([x, lat], geometry)) {
      if (!booleanPointInPolygon([x, lat], geometry, { ignoreBoundary: true })) return 'boundary';
      inside = !inside;
    }
    if (ring.turnWest !== undefined) break; // the ring stands there three times over; its middle turn tells
  }
  return inside ? 'inside' : 'outside';
}
