// Lookups of zones as the service makes them: through the native index, or the portable one.

import type { Ref, ReplyBuffer, ZoneSource } from '../drivers/engine.ts';
import type { ZonesAtQuery } from '../protocol/zones-at.ts';
import type { NativeZones } from '../zones/native.ts';
import type { ZoneAnswer } from '../zones/zone-index.ts';

export interface ZoneLookups {
  /** For the engine's searches. */
  readonly source: ZoneSource;
  /** The zones at a point, in the order of answers, and the version that they are of. */
  at(lat: number, lon: number): { readonly version: number; readonly zones: readonly ZoneAnswer[] };
  /**
   * Writes `{"ref"?, "version", "zones"}`, or `results` for points, as MessagePack into `out` from 0 and returns its length; or, when it
   * takes long, does so in slices and resolves to bytes of their own.
   * @throws RazielError (or rejects with one) TOO_LARGE for an answer of more than ANSWER_BYTES_MAX
   */
  answer(query: ZonesAtQuery, ref: Ref, out: ReplyBuffer): number | Promise<Uint8Array>;
}

export function nativeLookups(zones: NativeZones): ZoneLookups {
  return {
    source: { handle: zones.handle, shape: () => undefined },
    at: (lat, lon) => zones.at(lat, lon),
    answer: (query, ref, out) =>
      'points' in query
        ? zones.answerPoints(query.points, query.layer, ref, out)
        : zones.answerAt(query.lat, query.lon, query.layer, ref, out, 0),
  };
}
