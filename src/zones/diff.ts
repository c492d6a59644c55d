// What an upload would change in a layer, zone by zone.

import { isDeepStrictEqual } from 'node:util';
import { type Layer, positionsOfZone, rangeOf } from './layer.ts';

export interface LayerDiff {
  /** Ids, in the order of the upload; removed ones in the order of the layer. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/** @param before undefined for a layer that is not there yet */
export function diffLayers(before: Layer | undefined, after: Layer): LayerDiff {
  const zoneOfId = new Map(before?.ids.map((id, zone) => [id, zone]));
  const added: string[] = [];
  const changed: string[] = [];
  after.ids.forEach((id, zone) => {
    const old = zoneOfId.get(id);
    if (before === undefined || old === undefined) added.push(id);
    else if (!sameZone(before, old, after, zone)) changed.push(id);
    zoneOfId.delete(id);
  });
  return { added, removed: [...zoneOfId.keys()], changed };
}

function sameZone(a: Layer, zoneA: number, b: Layer, zoneB: number): boolean {
  return (
    isDeepStrictEqual(a.properties[zoneA], b.properties[zoneB]) &&
    isDeepStrictEqual(shapeOf(a, zoneA), shapeOf(b, zoneB))
  );
}

/** Positions, and how many each ring and rings each polygon has. */
function shapeOf(layer: Layer, zone: number): { positions: Float64Array; rings: number[]; parts: number[] } {
  const [first, end] = positionsOfZone(layer, zone);
  const [firstPart, endPart] = rangeOf(layer.zoneEnds, zone);
  const rings: number[] = [];
  const parts: number[] = [];
  for (let part = firstPart; part < endPart; part++) {
    const [firstRing, endRing] = rangeOf(layer.partEnds, part);
    parts.push(endRing - firstRing);
    for (let ring = firstRing; ring < endRing; ring++) {
      const [start, stop] = rangeOf(layer.ringEnds, ring);
      rings.push(stop - start);
    }
  }
  return { positions: layer.coordinates.subarray(2 * first, 2 * end), rings, parts };
}
