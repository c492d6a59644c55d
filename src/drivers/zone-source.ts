// The zone that a search names, found when the search begins: it sees one version of it.

import { RazielError } from '../errors.ts';
import type { ZoneName, ZoneSource } from './engine.ts';

export interface FoundZone {
  readonly contains: (lat: number, lon: number) => boolean;
  /** [west, south, east, north] of boxes that cover the zone; west ≤ east. */
  readonly boxes: readonly (readonly [number, number, number, number])[];
  readonly vertices: number;
}

/** @throws RazielError UNKNOWN_ZONE */
export function findZone(zones: ZoneSource | undefined, { layer, id }: ZoneName): FoundZone {
  const shape = zones?.shape(layer, id);
  if (shape === undefined) {
    throw new RazielError('UNKNOWN_ZONE', `there is no zone ${JSON.stringify(`${layer}/${id}`)}`, { field: 'zone' });
  }
  return { contains: (lat, lon) => shape.contains(lat, lon), boxes: shape.boxes, vertices: shape.vertices ?? 0 };
}
