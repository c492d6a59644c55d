// All zone indexes over the same layers, for tests that compare them.

import { loadNative } from '../../src/drivers/native.ts';
import type { Layer } from '../../src/zones/layer.ts';
import { assemble, buildSection, NativeZoneIndex } from '../../src/zones/native.ts';
import { PortableZoneIndex } from '../../src/zones/portable.ts';
import type { ZoneIndex } from '../../src/zones/zone-index.ts';

const native = loadNative();
if (!native.ok) console.warn(`SKIPPED for the native zones: the addon cannot be loaded (${native.reason})`);

export const hasNativeZones = native.ok;

export async function nativeIndex(version: number, layers: readonly Layer[]): Promise<NativeZoneIndex> {
  return new NativeZoneIndex(assemble(version, await Promise.all(layers.map(buildSection))));
}

/** By name: the portable index, and the native one where there is one. */
export async function zoneIndexes(version: number, layers: readonly Layer[]): Promise<[string, ZoneIndex][]> {
  const indexes: [string, ZoneIndex][] = [['portable', new PortableZoneIndex(version, layers)]];
  if (hasNativeZones) indexes.push(['native', await nativeIndex(version, layers)]);
  return indexes;
}

/** "layer/id" of the zones that cover a point, in order. */
export function idsAt(index: ZoneIndex, lat: number, lon: number, layer?: string): string[] {
  return index.lookup(lat, lon, layer).map((number) => {
    const zone = index.zone(number);
    return `${zone.layer}/${zone.id}`;
  });
}
