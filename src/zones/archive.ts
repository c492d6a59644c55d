// Where layers outlive the server, as far as the store of layers needs it.

import type { Layer } from './layer.ts';

export interface SavedLayer {
  readonly layer: Layer;
  /** The one that changed the layer last. */
  readonly version: number;
  /** Of the GeoJSON that it was uploaded as. */
  readonly bytes: number;
}

export interface SavedLayers {
  /** The last one ever published. */
  readonly version: number;
  readonly layers: readonly SavedLayer[];
}

export interface LayerArchive {
  load(): Promise<SavedLayers>;
  /** Resolves when it is on disk that `version` has this layer, or with undefined none of that name. */
  save(version: number, name: string, layer: SavedLayer | undefined): Promise<void>;
}
