// The layers of a server: who may change them, and in which order. Every change checks, builds and publishes, or changes nothing at all.
//
// Runs off the serving threads (a worker thread has one of these); changes are made one after the other. Versions only grow: each change
// gives all layers together a new one, and the layer that changed names it in its ETag until it changes again.
//
//   const store = new ZoneStore(nativePublication(zones));
//   await store.put('boroughs', bytes, { repair: true, ifMatch: '"12"' });

import { RazielError } from '../errors.ts';
import {
  JSON_DEPTH_MAX,
  ZONE_JSON_LISTS_MAX,
  ZONE_JSON_MEMBERS_MAX,
  ZONE_JSON_VALUES_MAX,
  ZONE_LAYERS_MAX,
  ZONES_TOTAL_BYTES_MAX_DEFAULT,
} from '../limits.ts';
import { parseJson } from '../protocol/codec.ts';
import type { JsonBounds } from '../protocol/json-size.ts';
import type { LayerArchive } from './archive.ts';
import { diffLayers, type LayerDiff } from './diff.ts';
import { checkLayerName, type Ingested, type IngestOptions, ingestLayer } from './ingest.ts';
import { type Layer, layerToGeoJson } from './layer.ts';
import type { Repair } from './repairs.ts';

/** Makes lookups see a version of the layers; the implementation builds what its index needs. */
export interface Publication {
  /** Prepares a layer, at length and possibly on another thread; the result is kept with the layer. */
  build(layer: Layer): Promise<unknown>;
  /** From now on lookups see these layers: quick, and all at once. */
  publish(version: number, layers: readonly BuiltLayer[]): void;
}

export interface BuiltLayer {
  readonly layer: Layer;
  /** What `build` made of it. */
  readonly built: unknown;
}

export interface PutOptions extends IngestOptions {
  /** Say what would change, and change nothing. */
  readonly dryRun?: boolean;
  /** The If-Match header: the ETags that the layer may have, or `*` for any layer that is there. */
  readonly ifMatch?: string;
  /** Called when a stage is done, with its milliseconds. */
  readonly onStage?: (stage: 'parse' | 'check' | 'build' | 'publish', milliseconds: number) => void;
}

interface Repaired {
  readonly repaired?: readonly Repair[];
  /** Repairs past those listed; only there when there are some. */
  readonly repairedMore?: number;
}

export interface PutResult extends Repaired {
  readonly layer: string;
  readonly version: number;
  readonly zones: number;
  readonly vertices: number;
  readonly buildMs: number;
}

export interface DryRunResult extends LayerDiff, Repaired {
  readonly layer: string;
  /** The current one. */
  readonly version: number;
  readonly zones: number;
  readonly vertices: number;
}

export interface LayerSummary {
  readonly layer: string;
  readonly etag: string;
  /** The version that changed the layer last. */
  readonly version: number;
  readonly zones: number;
  readonly vertices: number;
}

interface Held extends BuiltLayer {
  readonly version: number;
  /** Of the GeoJSON that it was uploaded as. */
  readonly bytes: number;
}

export class ZoneStore {
  readonly #publication: Publication;
  readonly #archive: LayerArchive | undefined;
  readonly #held = new Map<string, Held>();
  readonly #totalBytesMax: number;
  readonly #json: JsonBounds;
  #version = 0;
  /** Ends when the last change that was asked for has ended. */
  #changes: Promise<unknown> = Promise.resolve();

  /**
   * @param options.archive where a change is before it is published; without one layers live as long as the store
   * @param options.totalBytesMax of all layers together, as uploaded
   * @param options.heapBytes that the store may take; any number by default
   */
  constructor(
    publication: Publication,
    options: {
      readonly archive?: LayerArchive | undefined;
      readonly totalBytesMax?: number;
      readonly heapBytes?: number;
    } = {},
  ) {
    this.#publication = publication;
    this.#archive = options.archive;
    this.#totalBytesMax = options.totalBytesMax ?? ZONES_TOTAL_BYTES_MAX_DEFAULT;
    this.#json = jsonBoundsFor(options.heapBytes ?? Number.POSITIVE_INFINITY);
  }

  /** Publishes what the archive has; to be called before anything else. */
  restore(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#archive === undefined) return;
      const { version, layers } = await this.#archive.load();
      for (const saved of layers) {
        this.#held.set(saved.layer.name, { ...saved, built: await this.#publication.build(saved.layer) });
      }
      this.#version = version;
      if (version > 0) this.#publication.publish(version, [...this.#held.values()]);
    });
  }

  /** The version that lookups see. */
  get version(): number {
    return this.#version;
  }

  /**
   * Replaces a layer by a GeoJSON FeatureCollection.
   * @param body the JSON as it arrived
   * @throws RazielError BAD_LAYER, BAD_JSON, TOO_LARGE, VERSION_CONFLICT, STORAGE_FULL; ZonesRefused (BAD_ZONES) with all faults
   */
  put(name: string, body: Uint8Array, options: PutOptions & { readonly dryRun: true }): Promise<DryRunResult>;
  put(name: string, body: Uint8Array, options?: PutOptions & { readonly dryRun?: false }): Promise<PutResult>;
  put(name: string, body: Uint8Array, options?: PutOptions): Promise<PutResult | DryRunResult>;
  put(name: string, body: Uint8Array, options: PutOptions = {}): Promise<PutResult | DryRunResult> {
    return this.#inTurn(() => this.#put(name, body, options));
  }

  /** Removes a layer. @throws RazielError UNKNOWN_LAYER, VERSION_CONFLICT, STORAGE_FULL */
  remove(name: string, ifMatch?: string): Promise<{ readonly version: number }> {
    return this.#inTurn(async () => {
      this.#known(name);
      this.#checkVersion(name, ifMatch);
      await this.#publishWith(name, undefined);
      return { version: this.#version };
    });
  }

  /** The layer as GeoJSON text. @throws RazielError UNKNOWN_LAYER */
  get(name: string): LayerSummary & { readonly geojson: string } {
    const held = this.#known(name);
    return { ...summaryOf(held), geojson: layerToGeoJson(held.layer) };
  }

  /** All layers, by name. */
  list(): LayerSummary[] {
    return [...this.#held.values()].map(summaryOf).sort((a, b) => (a.layer < b.layer ? -1 : 1));
  }

  async #put(name: string, body: Uint8Array, options: PutOptions): Promise<PutResult | DryRunResult> {
    const start = performance.now();
    checkLayerName(name);
    this.#checkVersion(name, options.ifMatch);
    this.#checkRoom(name, body.length);
    const clock = stageClock(options.onStage);
    const json = parse(body, this.#json);
    clock('parse');
    const ingested = ingestLayer(name, json, options);
    clock('check');
    const { layer } = ingested;
    const counts = { layer: name, zones: layer.ids.length, vertices: layer.coordinates.length / 2 };
    if (options.dryRun === true) {
      const diff = diffLayers(this.#held.get(name)?.layer, layer);
      return { ...counts, version: this.#version, ...diff, ...repairedOf(ingested) };
    }
    const built = await this.#publication.build(layer);
    clock('build');
    await this.#publishWith(name, { layer, built, bytes: body.length });
    clock('publish');
    const buildMs = Math.round(performance.now() - start);
    return { ...counts, version: this.#version, buildMs, ...repairedOf(ingested) };
  }

  /** Archives the change, publishes all layers with this one replaced, or removed; only then the store itself changes. */
  async #publishWith(name: string, next: Omit<Held, 'version'> | undefined): Promise<void> {
    const version = this.#version + 1;
    await this.#archive?.save(version, name, next && { layer: next.layer, version, bytes: next.bytes });
    const layers = [...this.#held.values()].filter((held) => held.layer.name !== name);
    this.#publication.publish(version, next === undefined ? layers : [...layers, next]);
    if (next === undefined) this.#held.delete(name);
    else this.#held.set(name, { ...next, version });
    this.#version = version;
  }

  /** @throws RazielError TOO_LARGE for a layer more, or more bytes in all, than may be held */
  #checkRoom(name: string, bytes: number): void {
    let others = 0;
    let total = bytes;
    for (const held of this.#held.values()) {
      if (held.layer.name === name) continue;
      others++;
      total += held.bytes;
    }
    if (others >= ZONE_LAYERS_MAX) {
      throw new RazielError('TOO_LARGE', `there are at most ${ZONE_LAYERS_MAX} layers; remove one first`);
    }
    if (total > this.#totalBytesMax) {
      const message = `all layers together have at most ${this.#totalBytesMax} bytes as uploaded, with this one ${total}`;
      throw new RazielError('TOO_LARGE', message);
    }
  }

  #known(name: string): Held {
    const held = this.#held.get(name);
    if (held === undefined)
      throw new RazielError('UNKNOWN_LAYER', `there is no layer ${JSON.stringify(name.slice(0, 80))}`);
    return held;
  }

  #checkVersion(name: string, ifMatch: string | undefined): void {
    if (ifMatch === undefined) return;
    const held = this.#held.get(name);
    const wanted = ifMatch.split(',').map((tag) => tag.trim());
    if (held !== undefined && wanted.some((tag) => tag === '*' || tag === etagOf(held))) return;
    const has = held === undefined ? 'it does not exist' : `it has ${etagOf(held)}`;
    throw new RazielError('VERSION_CONFLICT', `the layer must match ${ifMatch.slice(0, 80)}, and ${has}`, {
      field: 'If-Match',
    });
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#changes.then(change);
    this.#changes = result.catch(() => undefined);
    return result;
  }
}

function etagOf(held: Held): string {
  return `"${held.version}"`;
}

function summaryOf(held: Held): LayerSummary {
  const { layer, version } = held;
  return {
    layer: layer.name,
    etag: etagOf(held),
    version,
    zones: layer.ids.length,
    vertices: layer.coordinates.length / 2,
  };
}

function repairedOf({ repaired, repairedMore }: Ingested): Repaired {
  return {
    ...(repaired === undefined ? {} : { repaired }),
    ...(repairedMore === undefined || repairedMore === 0 ? {} : { repairedMore }),
  };
}

/** Heap that JSON just within the bounds takes when it is parsed, measured, with half as much to work in. */
const JSON_HEAP_BYTES = 3 * 1024 ** 3;

/** The bounds of an upload's JSON, lower for a heap that has no room for such. */
function jsonBoundsFor(heapBytes: number): JsonBounds {
  const share = Math.min(1, heapBytes / JSON_HEAP_BYTES);
  return {
    depthMax: JSON_DEPTH_MAX,
    listsMax: Math.floor(share * ZONE_JSON_LISTS_MAX),
    membersMax: Math.floor(share * ZONE_JSON_MEMBERS_MAX),
    namesMax: Number.POSITIVE_INFINITY,
    valuesMax: Math.floor(share * ZONE_JSON_VALUES_MAX),
  };
}

/** @throws RazielError BAD_JSON; TOO_LARGE past the bounds */
function parse(body: Uint8Array, bounds: JsonBounds): unknown {
  try {
    return parseJson(body, bounds);
  } catch (error) {
    if (error instanceof RazielError) throw error;
    throw new RazielError('BAD_JSON', `the body must be JSON: ${(error as Error).message}`);
  }
}

function stageClock(
  onStage: PutOptions['onStage'],
): (stage: Parameters<NonNullable<PutOptions['onStage']>>[0]) => void {
  let last = performance.now();
  return (stage) => {
    const now = performance.now();
    onStage?.(stage, now - last);
    last = now;
  };
}
