// Looking up zones: which of them cover a point. One interface, behind it the native index (native.ts), the portable one (portable.ts) and,
// in the tests, an oracle.
//
// Zones of an index have numbers from 0, in the order of answers: by layer (name), priority (higher first), area (smaller first), id.

import type { ZoneProperties } from './layer.ts';

/** What an answer says of a zone. */
export interface ZoneAnswer {
  readonly layer: string;
  readonly id: string;
  readonly properties: ZoneProperties;
}

/** Whether points are in one zone, its boundary included; of one version of the zones. */
export interface ZoneShape {
  /** Latitude −90..90, longitude −180..180. */
  contains(lat: number, lon: number): boolean;
  /** [west, south, east, north] of boxes that cover the zone; west ≤ east. */
  readonly boxes: readonly (readonly [number, number, number, number])[];
  /** Positions of its rings, where a test takes time in proportion to them. */
  readonly vertices?: number;
}

/** One immutable version of all layers. */
export interface ZoneIndex {
  readonly version: number;
  /** Numbers of the zones that cover the point, ascending; with `layer` those of one layer, and none when there is no such layer. */
  lookup(lat: number, lon: number, layer?: string): readonly number[];
  zone(number: number): ZoneAnswer;
  shape(layer: string, id: string): ZoneShape | undefined;
}
