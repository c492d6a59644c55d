// Layers as they are stored, so that a server that starts again has those of before: checked already, and with their versions.
//
// Under 'zones/version' is the last version of all; under 'zones/layer/NAME' a layer: MessagePack of [format, version, bytes, name, coordinates,
// ringEnds, partEnds, zoneEnds, priorities, areas, ids, properties], arrays as the bytes of the Layer's in little-endian order, ids and properties
// as JSON.

import { packMessage, unpackMessage } from '../protocol/codec.ts';
import type { DurableState } from '../storage/state.ts';
import type { LayerArchive, SavedLayer, SavedLayers } from '../zones/archive.ts';
import type { Layer } from '../zones/layer.ts';

const FORMAT = 1;
const VERSION_KEY = 'zones/version';
const LAYER_PREFIX = 'zones/layer/';

const utf8 = new TextDecoder();

export class StateArchive implements LayerArchive {
  readonly #state: DurableState;

  constructor(state: DurableState) {
    this.#state = state;
  }

  async load(): Promise<SavedLayers> {
    const version = await this.#state.get(VERSION_KEY);
    const layers = (await this.#state.entries(LAYER_PREFIX)).map(([key, value]) => decodeLayer(key, value));
    return { version: version === undefined ? 0 : (unpackMessage(version) as number), layers };
  }

  save(version: number, name: string, layer: SavedLayer | undefined): Promise<void> {
    return this.#state.write([
      { key: VERSION_KEY, value: packMessage(version) },
      { key: LAYER_PREFIX + name, value: layer === undefined ? undefined : encodeLayer(layer) },
    ]);
  }
}

/** What a stored entry of zones says of itself: the last version of all, or a layer. */
export function describeStored(
  key: string,
  value: Uint8Array,
): { readonly version: number; readonly layer?: { readonly name: string; readonly zones: number } } {
  if (key === VERSION_KEY) return { version: unpackMessage(value) as number };
  const { layer, version } = decodeLayer(key, value);
  return { version, layer: { name: layer.name, zones: layer.ids.length } };
}

function encodeLayer({ layer, version, bytes }: SavedLayer): Uint8Array {
  const { name, coordinates, ringEnds, partEnds, zoneEnds, priorities, areas, ids, properties } = layer;
  const arrays = [coordinates, ringEnds, partEnds, zoneEnds, priorities, areas];
  const raw = arrays.map((array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  const texts = [ids, properties].map((list) => Buffer.from(JSON.stringify(list)));
  return packMessage([FORMAT, version, bytes, name, ...raw, ...texts]);
}

/** @throws Error for a format that this version does not know */
function decodeLayer(key: string, value: Uint8Array): SavedLayer {
  const [format, version, bytes, name, ...parts] = unpackMessage(value) as [
    number,
    number,
    number,
    string,
    ...Uint8Array[],
  ];
  if (format !== FORMAT) {
    throw new Error(`${JSON.stringify(key)} has format ${format}, and this Raziel knows ${FORMAT}: start a newer one`);
  }
  const doubles = (i: number): Float64Array => new Float64Array(copyOf(parts[i]));
  const integers = (i: number): Uint32Array => new Uint32Array(copyOf(parts[i]));
  const layer: Layer = {
    name,
    coordinates: doubles(0),
    ringEnds: integers(1),
    partEnds: integers(2),
    zoneEnds: integers(3),
    priorities: doubles(4),
    areas: doubles(5),
    ids: JSON.parse(utf8.decode(parts[6])),
    properties: JSON.parse(utf8.decode(parts[7])),
  };
  return { layer, version, bytes };
}

/** Aligned as typed arrays need it. */
function copyOf(bytes: Uint8Array | undefined): ArrayBuffer {
  return new Uint8Array(bytes ?? []).buffer;
}
