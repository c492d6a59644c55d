// A tracer and services for what needs them and is not about them.

import { EndpointStats } from '../../src/metrics/endpoint-stats.ts';
import { Services } from '../../src/services/services.ts';
import { SpanRing } from '../../src/tracing/ring.ts';
import { Strings } from '../../src/tracing/strings.ts';
import { Tracer, type TracerOptions } from '../../src/tracing/tracer.ts';

/** @param capacity of the ring, in spans */
export function traced(options: Partial<TracerOptions> = {}, capacity?: number) {
  const ring = new SpanRing(undefined, capacity);
  const strings = new Strings();
  let id = 77669839702851584n;
  const defaults: TracerOptions = { rate: 0, slowMs: Number.POSITIVE_INFINITY, nextId: () => id++ };
  const tracer = new Tracer(ring, strings, { ...defaults, ...options });
  const stats = new EndpointStats();
  return { ring, strings, tracer, stats, services: new Services(tracer, stats) };
}
