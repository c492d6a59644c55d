// How a ZoneStore's layers come before lookups: through the native index, or the portable one.

import { assemble, buildSection, NativeZoneIndex, type NativeZones } from './native.ts';
import { PortableZoneIndex } from './portable.ts';
import type { Publication } from './store.ts';
import type { ZoneIndex } from './zone-index.ts';

/** Sections are built on another thread; a publication copies them together, checks the snapshot and swaps it in. */
export function nativePublication(zones: NativeZones): Publication {
  return {
    build: buildSection,
    publish: (version, layers) => {
      const sections = layers.map(({ built }) => built as ArrayBuffer);
      const index = new NativeZoneIndex(assemble(version, sections));
      zones.publish(index);
      index.release();
    },
  };
}

/** Builds an index of all layers at each change and hands it over. */
export function portablePublication(publish: (index: ZoneIndex) => void): Publication {
  return {
    build: () => Promise.resolve(undefined),
    publish: (version, layers) =>
      publish(
        new PortableZoneIndex(
          version,
          layers.map(({ layer }) => layer),
        ),
      ),
  };
}
