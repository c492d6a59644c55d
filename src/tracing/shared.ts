// What a serving thread and the tracing thread share: the thread's ring of spans, its table of texts and the statistics of its endpoints.

import { EndpointStats } from '../metrics/endpoint-stats.ts';
import { SpanRing } from './ring.ts';
import { Strings } from './strings.ts';

export interface SharedTracing {
  readonly ring: SharedArrayBuffer;
  readonly strings: SharedArrayBuffer;
  readonly stats: SharedArrayBuffer;
}

export function allocateTracing(): SharedTracing {
  return { ring: new SpanRing().shared, strings: new Strings().shared, stats: new EndpointStats().shared };
}
