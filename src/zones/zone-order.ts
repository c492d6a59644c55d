// The order of zones in answers: by layer (name), priority (higher first), area (smaller first), id (bytes).

import type { Layer } from './layer.ts';

/** The zones of one layer in the order of answers. */
export function zonesInOrder(layer: Layer): number[] {
  const idBytes = layer.ids.map((id) => Buffer.from(id));
  return layer.ids
    .map((_, zone) => zone)
    .sort(
      (a, b) =>
        (layer.priorities[b] as number) - (layer.priorities[a] as number) ||
        (layer.areas[a] as number) - (layer.areas[b] as number) ||
        Buffer.compare(idBytes[a] as Buffer, idBytes[b] as Buffer),
    );
}
