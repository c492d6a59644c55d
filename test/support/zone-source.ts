// Zones for engines under test: the same layers in the portable index and, where it can be loaded, in the native one.

import type { EngineKind, ZoneSource } from '../../src/drivers/engine.ts';
import { ingestLayer } from '../../src/zones/ingest.ts';
import { assemble, buildSection, NativeZoneIndex, NativeZones } from '../../src/zones/native.ts';
import { PortableZoneIndex } from '../../src/zones/portable.ts';
import type { ZoneIndex } from '../../src/zones/zone-index.ts';
import { hasNativeZones } from './zone-indexes.ts';

/** GeoJSON by the layer's name. */
export type GeoJsonLayers = Readonly<Record<string, unknown>>;

export class TestZones {
  readonly #native = hasNativeZones ? new NativeZones() : undefined;
  #portable: ZoneIndex = new PortableZoneIndex(0, []);
  #version = 0;

  static async create(layers: GeoJsonLayers): Promise<TestZones> {
    const zones = new TestZones();
    await zones.publish(layers);
    return zones;
  }

  async publish(layers: GeoJsonLayers): Promise<void> {
    const ingested = Object.entries(layers).map(([name, json]) => ingestLayer(name, json, { repair: true }).layer);
    this.#portable = new PortableZoneIndex(++this.#version, ingested);
    if (this.#native === undefined) return;
    const index = new NativeZoneIndex(assemble(this.#version, await Promise.all(ingested.map(buildSection))));
    this.#native.publish(index);
    index.release();
  }

  sourceFor(kind: EngineKind): ZoneSource {
    if (kind === 'native' && this.#native !== undefined) {
      return { handle: this.#native.handle, shape: () => undefined };
    }
    return { shape: (layer, id) => this.#portable.shape(layer, id) };
  }

  close(): void {
    this.#native?.close();
  }
}
