// The zones thread's side of the portable zones: layers are checked here and go to the serving thread, which makes its index of them between
// its other work. The index itself cannot be sent: it is objects, and threads share bytes only.

import type { MessagePort } from 'node:worker_threads';
import type { Layer } from '../zones/layer.ts';
import type { BuiltLayer, Publication } from '../zones/store.ts';
import type { LayerPrepared, PrepareLayer, PublishLayers } from './messages.ts';

export class RemotePublication implements Publication {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, { resolve: (number: number) => void; reject: (error: Error) => void }>();
  #last = 0;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  /** Resolves to the layer's number on the other side. */
  build(layer: Layer): Promise<number> {
    const number = ++this.#last;
    // The large arrays are handed over as copies; this side keeps its own.
    const copy: Layer = {
      ...layer,
      coordinates: layer.coordinates.slice(),
      ringEnds: layer.ringEnds.slice(),
      partEnds: layer.partEnds.slice(),
      zoneEnds: layer.zoneEnds.slice(),
    };
    const arrays = [copy.coordinates, copy.ringEnds, copy.partEnds, copy.zoneEnds];
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      const message: PrepareLayer = { prepare: number, layer: copy };
      this.#port.postMessage(
        message,
        arrays.map((array) => array.buffer as ArrayBuffer),
      );
    });
  }

  publish(version: number, layers: readonly BuiltLayer[]): void {
    const message: PublishLayers = { publish: version, layers: layers.map(({ built }) => built as number) };
    this.#port.postMessage(message);
  }

  /** The other side has answered. */
  prepared({ prepared, failed }: LayerPrepared): void {
    const waiting = this.#waiting.get(prepared);
    this.#waiting.delete(prepared);
    if (failed === undefined) waiting?.resolve(prepared);
    else waiting?.reject(new Error(failed));
  }
}
