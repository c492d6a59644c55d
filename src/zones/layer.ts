// A layer of zones once it has been checked: flat arrays, which the native builder takes as they are, and what answers say of each zone.

export interface Layer {
  readonly name: string;
  /** Positions: lon, lat, lon, lat, … in degrees, rings closed. */
  readonly coordinates: Float64Array;
  /** Per ring: one past its last position. */
  readonly ringEnds: Uint32Array;
  /** Per polygon: one past its last ring. The first of a polygon is its shell; inside is what an odd number of its rings go around. */
  readonly partEnds: Uint32Array;
  /** Per zone: one past its last polygon. */
  readonly zoneEnds: Uint32Array;
  readonly ids: readonly string[];
  readonly properties: readonly ZoneProperties[];
  readonly priorities: Float64Array;
  /** Square metres. */
  readonly areas: Float64Array;
}

/** A feature's `properties`, as uploaded. */
export type ZoneProperties = { readonly [name: string]: unknown } | null;

type GeoJsonRing = [number, number][];

interface ZoneFeature {
  readonly type: 'Feature';
  readonly id: string;
  readonly properties: ZoneProperties;
  readonly geometry:
    | { readonly type: 'Polygon'; readonly coordinates: GeoJsonRing[] }
    | { readonly type: 'MultiPolygon'; readonly coordinates: GeoJsonRing[][] };
}

/** First and one past the last item of a kind, from its array of ends. */
export function rangeOf(ends: Uint32Array, index: number): [number, number] {
  return [index === 0 ? 0 : (ends[index - 1] as number), ends[index] as number];
}

/** Positions of one zone in `coordinates`: the first, and one past the last. */
export function positionsOfZone(layer: Layer, zone: number): [number, number] {
  const [firstPart, endPart] = rangeOf(layer.zoneEnds, zone);
  const [firstRing] = rangeOf(layer.partEnds, firstPart);
  const [, endRing] = rangeOf(layer.partEnds, endPart - 1);
  return [rangeOf(layer.ringEnds, firstRing)[0], rangeOf(layer.ringEnds, endRing - 1)[1]];
}

/** The rings of one polygon as GeoJSON. */
export function ringsOfPart(layer: Layer, part: number): GeoJsonRing[] {
  const [firstRing, endRing] = rangeOf(layer.partEnds, part);
  const rings: GeoJsonRing[] = [];
  for (let ring = firstRing; ring < endRing; ring++) {
    const [first, end] = rangeOf(layer.ringEnds, ring);
    const positions: GeoJsonRing = [];
    for (let i = first; i < end; i++) {
      positions.push([layer.coordinates[2 * i] as number, layer.coordinates[2 * i + 1] as number]);
    }
    rings.push(positions);
  }
  return rings;
}

/** One zone as a GeoJSON feature: what was uploaded, with its id as a string, and repaired if it was. */
function featureOf(layer: Layer, zone: number): ZoneFeature {
  const [firstPart, endPart] = rangeOf(layer.zoneEnds, zone);
  const parts: GeoJsonRing[][] = [];
  for (let part = firstPart; part < endPart; part++) parts.push(ringsOfPart(layer, part));
  const [only] = parts;
  return {
    type: 'Feature',
    id: layer.ids[zone] as string,
    properties: layer.properties[zone] as ZoneProperties,
    geometry:
      parts.length === 1 && only !== undefined
        ? { type: 'Polygon', coordinates: only }
        : { type: 'MultiPolygon', coordinates: parts },
  };
}

/** The layer as the text of a GeoJSON FeatureCollection, made zone by zone. */
export function layerToGeoJson(layer: Layer): string {
  const features = layer.ids.map((_, zone) => JSON.stringify(featureOf(layer, zone)));
  return `{"type":"FeatureCollection","features":[${features.join(',')}]}`;
}
