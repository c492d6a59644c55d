// How a ZoneStore's layers come before lookups through the portable index. A file of its own, so that threads that have the native one need not
// load the geometry in TypeScript.

import { PortableZoneIndex } from './portable.ts';
import type { Publication } from './store.ts';
import type { ZoneIndex } from './zone-index.ts';

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
