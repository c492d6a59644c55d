// The portable zone index: boxes in an rbush, rings asked by turf. The slow, obvious twin of the native one, and what serves without it.
//
// turf works on a flat map, so rings across the antimeridian are unrolled (src/geo/rings.ts) and asked at every turn at which they could
// hold the point. Inside is what an odd number of a polygon's rings go around; on an edge is in.

import { booleanPointInPolygon } from '@turf/boolean-point-in-polygon';
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

/** A layer as this index asks it. */
export interface PreparedLayer {
  readonly name: string;
  /** In the order of answers. */
  readonly zones: readonly Zone[];
  readonly byId: ReadonlyMap<string, Zone>;
  /** Numbers are those of `zones`. */
  readonly tree: EntryTree;
}

/** Boxes that go into the tree at once: a millisecond or two. */
const LOADED_BOXES = 1_000;

/** Prepares a layer in small steps, so that a thread that serves can do other work between them. */
export function* prepareLayer(layer: Layer): Generator<void, PreparedLayer> {
  const zones: Zone[] = [];
  const byId = new Map<string, Zone>();
  const tree = new EntryTree();
  let entries: Entry[] = [];
  for (const place of zonesInOrder(layer)) {
    const polygons: Polygon[] = [];
    const number = zones.length;
    for (const polygon of polygonsOf(layer, place)) {
      polygons.push(polygon);
      for (const box of polygon.boxes) entries.push({ ...box, number, polygon });
      yield;
    }
    const id = layer.ids[place] as string;
    const zone: Zone = { layer: layer.name, id, properties: layer.properties[place] ?? null, polygons };
    zones.push(zone);
    byId.set(id, zone);
    if (entries.length >= LOADED_BOXES) {
      tree.load(entries);
      entries = [];
      yield;
    }
  }
  tree.load(entries);
  return { name: layer.name, zones, byId, tree };
}

function prepareAtOnce(layer: Layer): PreparedLayer {
  const steps = prepareLayer(layer);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

interface NumberedLayer {
  readonly layer: PreparedLayer;
  /** Number of its first zone. */
  readonly first: number;
}

export class PortableZoneIndex implements ZoneIndex {
  readonly version: number;
  readonly #layers = new Map<string, NumberedLayer>();

  constructor(version: number, layers: readonly (Layer | PreparedLayer)[]) {
    this.version = version;
    let first = 0;
    // Names are ASCII, so this is the order of their bytes.
    for (const given of [...layers].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const layer = 'tree' in given ? given : prepareAtOnce(given);
      this.#layers.set(layer.name, { layer, first });
      first += layer.zones.length;
    }
  }

  lookup(lat: number, lon: number, layer?: string): readonly number[] {
    if (layer === undefined) {
      return [...this.#layers.values()].flatMap((numbered) => lookupIn(numbered, lat, lon));
    }
    const numbered = this.#layers.get(layer);
    return numbered === undefined ? [] : lookupIn(numbered, lat, lon);
  }

  zone(number: number): ZoneAnswer {
    let found: ZoneAnswer | undefined;
    for (const { layer, first } of this.#layers.values()) {
      if (number < first) break;
      found = layer.zones[number - first];
    }
    const { layer, id, properties } = found as ZoneAnswer;
    return { layer, id, properties };
  }

  shape(layer: string, id: string): ZoneShape | undefined {
    const zone = this.#layers.get(layer)?.layer.byId.get(id);
    if (zone === undefined) return undefined;
    const rings = zone.polygons.flatMap((polygon) => polygon.rings);
    return {
      contains: (lat, lon) => zone.polygons.some((polygon) => covers(polygon, lat, lon)),
      boxes: zone.polygons.flatMap(({ boxes }) =>
        boxes.map((box) => [box.west, box.south, box.east, box.north] as const),
      ),
      vertices: rings.reduce((sum, ring) => sum + ring.unrolled.positions.length, 0),
    };
  }
}

function lookupIn({ layer, first }: NumberedLayer, lat: number, lon: number): number[] {
  const found = new Set<number>();
  for (const x of Math.abs(lon) === 180 ? [-180, 180] : [lon]) {
    for (const { number, polygon } of layer.tree.search({ minX: x, minY: lat, maxX: x, maxY: lat })) {
      if (!found.has(number) && covers(polygon, lat, lon)) found.add(number);
    }
  }
  return [...found].sort((a, b) => a - b).map((number) => first + number);
}

function* polygonsOf(layer: Layer, zone: number): Generator<Polygon> {
  const [first, end] = rangeOf(layer.zoneEnds, zone);
  for (let part = first; part < end; part++) {
    const rings = ringsOfPart(layer, part).map((ring) => {
      const unrolled = unrollRing(ring);
      const coordinates = [unrolled.positions as unknown as [number, number][]];
      return { unrolled, geometry: { type: 'Polygon' as const, coordinates } };
    });
    yield { rings, boxes: rings.flatMap((ring) => boxesOf(ring.unrolled)) };
  }
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
