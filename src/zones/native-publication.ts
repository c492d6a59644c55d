// How a ZoneStore's layers come before lookups through the native index; portable-publication.ts has the other way.

import { assemble, buildSection, NativeZoneIndex, type NativeZones } from './native.ts';
import type { Publication } from './store.ts';

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
