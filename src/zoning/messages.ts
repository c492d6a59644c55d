// What serving threads and the zones thread tell each other, over one MessagePort for each serving thread.
//
// A job goes to the zones thread and its answer comes back, encoded. With the portable zones, which one thread looks up in, that thread's port
// carries the layers to it as well: `prepare` with a layer, answered with `prepared` when its index is made; then `publish`, which names the
// layers that lookups see from now on. What comes over a port comes in order, so a publication is there before the answer of its upload.

import type { ErrorCode, RazielError } from '../errors.ts';
import type { Encoding } from '../protocol/codec.ts';
import type { Layer } from '../zones/layer.ts';
import type { BodySegments } from './segments.ts';

export type ZoneChange =
  | {
      readonly kind: 'put';
      readonly layer: string;
      /** GeoJSON as it arrived; handed over, not copied. */
      readonly body: BodySegments;
      readonly dryRun: boolean;
      readonly repair: boolean;
      readonly idProperty: string | undefined;
      readonly ifMatch: string | undefined;
    }
  | { readonly kind: 'delete'; readonly layer: string; readonly ifMatch: string | undefined };

export type ZoneTask = ZoneChange | { readonly kind: 'get'; readonly layer: string } | { readonly kind: 'list' };

export interface ZoneJob {
  /** Unique among the jobs of its port. */
  readonly job: number;
  readonly task: ZoneTask;
  readonly encoding: Encoding;
}

export interface ZoneReply {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
  /** Of the layer, where the answer is about one that is there. */
  readonly etag?: string;
}

export type ZoneDone =
  | { readonly job: number; readonly reply: ZoneReply }
  | { readonly job: number; readonly code: ErrorCode; readonly body: ReturnType<RazielError['toBody']> };

export interface PrepareLayer {
  readonly prepare: number;
  readonly layer: Layer;
}

export interface PublishLayers {
  readonly publish: number;
  /** Numbers of `prepare`; others are forgotten. */
  readonly layers: readonly number[];
}

export interface LayerPrepared {
  readonly prepared: number;
  /** Why it could not be. */
  readonly failed?: string;
}

export type ToZonesThread = ZoneJob | LayerPrepared;
export type FromZonesThread = ZoneDone | PrepareLayer | PublishLayers;
