// GeoJSON becomes a checked layer, or a refusal that lists every fault.
//
//   const { layer, repaired } = ingestLayer('boroughs', JSON.parse(text), { idProperty: 'code' });
//
// See docs/zones.md for what each fault means and for what `repair` does.

import { RazielError } from '../errors.ts';
import { ID_BYTES_MAX, LAYER_NAME_LENGTH_MAX, ZONE_PROPERTIES_DEPTH_MAX } from '../limits.ts';
import { FaultList, type FaultPlace, ZonesRefused } from './faults.ts';
import type { Layer, ZoneProperties } from './layer.ts';
import { policyFaults } from './policy.ts';
import { type PolygonOutcome, readLastRing, readPolygon } from './polygon-reader.ts';
import { type Repair, Repairs } from './repairs.ts';
import { CoordinateList, kindOf } from './ring-reader.ts';

export interface IngestOptions {
  /** Close open rings, drop rings of no area, take crossings by the even-odd rule and holes as they lie. Default false. */
  readonly repair?: boolean;
  /** The property that holds the id of features that have none in `id` and `properties.id`. */
  readonly idProperty?: string;
}

export interface Ingested {
  readonly layer: Layer;
  /** With `repair`: what was done; the first 100, and how many more. */
  readonly repaired?: readonly Repair[];
  readonly repairedMore?: number;
}

/** @throws RazielError BAD_LAYER for a name that is not 1 to 64 of `a-z 0-9 . _ -`, or is `at` */
export function checkLayerName(name: string): void {
  if (/^[a-z0-9._-]+$/.test(name) && name.length <= LAYER_NAME_LENGTH_MAX && name !== 'at') return;
  const got = JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
  throw new RazielError(
    'BAD_LAYER',
    name === 'at'
      ? 'a layer cannot be named "at"'
      : `a layer's name has 1 to ${LAYER_NAME_LENGTH_MAX} of a-z 0-9 . _ -, got ${got}`,
    { field: 'layer' },
  );
}

/**
 * @param json the parsed body
 * @throws RazielError BAD_LAYER
 * @throws ZonesRefused (BAD_ZONES) with all faults
 */
export function ingestLayer(name: string, json: unknown, options: IngestOptions = {}): Ingested {
  checkLayerName(name);
  return new Ingestion(name, options).run(json);
}

class Ingestion {
  readonly #name: string;
  readonly #idProperty: string | undefined;
  readonly #faults = new FaultList();
  readonly #repairs: Repairs | undefined;
  readonly #coordinates = new CoordinateList();
  readonly #ringEnds: number[] = [];
  readonly #partEnds: number[] = [];
  readonly #zoneEnds: number[] = [];
  readonly #ids: string[] = [];
  readonly #properties: ZoneProperties[] = [];
  readonly #priorities: number[] = [];
  readonly #areas: number[] = [];
  /** The feature that has each id. */
  readonly #featureOfId = new Map<string, number>();

  constructor(name: string, options: IngestOptions) {
    this.#name = name;
    this.#idProperty = options.idProperty;
    this.#repairs = options.repair === true ? new Repairs() : undefined;
  }

  run(json: unknown): Ingested {
    const features = isObject(json) && json.type === 'FeatureCollection' ? json.features : undefined;
    if (Array.isArray(features)) features.forEach((feature, index) => this.#readFeature(feature, index));
    else
      this.#faults.add(
        'BAD_GEOMETRY',
        {},
        () => 'the body must be a GeoJSON FeatureCollection with an array of features',
      );
    if (this.#faults.count > 0) throw new ZonesRefused(this.#faults);
    const layer: Layer = {
      name: this.#name,
      coordinates: this.#coordinates.finish(),
      ringEnds: Uint32Array.from(this.#ringEnds),
      partEnds: Uint32Array.from(this.#partEnds),
      zoneEnds: Uint32Array.from(this.#zoneEnds),
      ids: this.#ids,
      properties: this.#properties,
      priorities: Float64Array.from(this.#priorities),
      areas: Float64Array.from(this.#areas),
    };
    return this.#repairs === undefined
      ? { layer }
      : { layer, repaired: this.#repairs.listed, repairedMore: this.#repairs.more };
  }

  #readFeature(feature: unknown, index: number): void {
    const place = { feature: index };
    if (!isObject(feature) || feature.type !== 'Feature') {
      this.#faults.add(
        'BAD_GEOMETRY',
        place,
        () => `a feature must be an object of type "Feature", got ${describe(feature)}`,
      );
      return;
    }
    const properties = this.#readProperties(feature.properties, place);
    const id = this.#readId(feature, properties, index);
    const priority = this.#readPriority(properties, place);
    const area = this.#readGeometry(feature.geometry, place);
    this.#ids.push(id);
    this.#properties.push(properties);
    this.#priorities.push(priority);
    this.#areas.push(area);
  }

  #readProperties(value: unknown, place: FaultPlace): ZoneProperties {
    if (value === undefined || value === null) return null;
    if (!isObject(value)) {
      this.#faults.add('BAD_PROPERTIES', place, () => `properties must be an object or null, got ${kindOf(value)}`);
      return null;
    }
    if (nestsDeeper(value, ZONE_PROPERTIES_DEPTH_MAX)) {
      this.#faults.add(
        'BAD_PROPERTIES',
        place,
        () => `properties nest deeper than ${ZONE_PROPERTIES_DEPTH_MAX} levels`,
      );
      return null;
    }
    for (const fault of policyFaults(value)) this.#faults.add('BAD_PROPERTIES', place, () => fault);
    return value;
  }

  /** The feature's id, else properties.id, else the property that the upload names; numbers become strings. */
  #readId(feature: JsonObject, properties: ZoneProperties, index: number): string {
    const named = this.#idProperty === undefined ? undefined : properties?.[this.#idProperty];
    const value = [feature.id, properties?.id, named].find(
      (candidate) => candidate !== undefined && candidate !== null,
    );
    const id = typeof value === 'number' ? String(value) : value;
    if (typeof id !== 'string' || id === '' || !isWellFormed(id) || Buffer.byteLength(id) > ID_BYTES_MAX) {
      this.#faults.add('NO_ID', { feature: index }, () => {
        const from = this.#idProperty === undefined ? '' : ` or properties.${this.#idProperty}`;
        return `a zone needs an id of 1 to ${ID_BYTES_MAX} bytes in id, properties.id${from}, got ${kindOf(value)}`;
      });
      return '';
    }
    const other = this.#featureOfId.get(id);
    if (other === undefined) this.#featureOfId.set(id, index);
    else
      this.#faults.add('DUPLICATE_ID', { feature: index }, () => `feature ${other} has the id ${kindOf(id)} already`);
    return id;
  }

  #readPriority(properties: ZoneProperties, place: FaultPlace): number {
    const value = properties?.priority ?? 0;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    this.#faults.add('BAD_PRIORITY', place, () => `properties.priority must be a number, got ${kindOf(value)}`);
    return 0;
  }

  /** Appends the zone's polygons; returns its area. */
  #readGeometry(geometry: unknown, place: FaultPlace): number {
    const polygons = this.#polygonsOf(geometry, place);
    if (polygons === undefined) return 0;
    const faultsBefore = this.#faults.count;
    let area = 0;
    let kept = 0;
    const keep = (outcome: PolygonOutcome | undefined): void => {
      if (outcome === undefined) return;
      kept++;
      area += outcome.area;
      for (const end of outcome.ringEnds) this.#ringEnds.push(end);
      this.#partEnds.push(this.#ringEnds.length);
    };
    polygons.forEach((polygon, part) => {
      keep(readPolygon(polygon, { ...place, part }, this.#coordinates, this.#faults, this.#repairs));
    });
    // A zone does not vanish: when no ring of it has an area, its first stays as it is, and the zone is that line.
    if (kept === 0 && this.#faults.count === faultsBefore) {
      keep(readLastRing(polygons[0], { ...place, part: 0 }, this.#coordinates, this.#faults));
    }
    this.#zoneEnds.push(this.#partEnds.length);
    return area;
  }

  #polygonsOf(geometry: unknown, place: FaultPlace): readonly unknown[] | undefined {
    if (isObject(geometry) && Array.isArray(geometry.coordinates)) {
      if (geometry.type === 'Polygon') return [geometry.coordinates];
      if (geometry.type === 'MultiPolygon' && geometry.coordinates.length > 0) return geometry.coordinates;
    }
    this.#faults.add('BAD_GEOMETRY', place, () => {
      return `a zone's geometry must be a Polygon or MultiPolygon with coordinates, got ${describe(geometry)}`;
    });
    return undefined;
  }
}

type JsonObject = { readonly [name: string]: unknown };

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether every surrogate has its other half, so that the id has bytes of its own in UTF-8. */
function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

function describe(value: unknown): string {
  return isObject(value) ? `an object of type ${kindOf(value.type)}` : kindOf(value);
}

function nestsDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((inner) => nestsDeeper(inner, levels - 1));
}
