// Of tracing in /metrics: what the serving threads recorded, and what became of it in the tracing thread.

import type { Registry } from 'prom-client';
import { type RingTotals, SpanRing } from '../tracing/ring.ts';
import { counter, gauge } from './families.ts';
import { type TraceMeter, TraceMeters } from './trace-meters.ts';

export interface TracingCounts {
  /** Of every serving thread. */
  readonly all: readonly { readonly ring: SharedArrayBuffer }[];
  readonly meters: SharedArrayBuffer;
}

const RECORDED: readonly (keyof RingTotals)[] = ['recorded', 'dropped', 'suppressed'];

const COUNTERS: readonly (readonly [string, string, TraceMeter])[] = [
  ['raziel_trace_spans_sent_total', "Spans sent to another server's collector.", 'sent'],
  ['raziel_trace_spans_send_failures_total', 'Spans that could not be sent.', 'sendFailures'],
  ['raziel_trace_spans_received_total', 'Spans of other servers that were collected.', 'received'],
  ['raziel_trace_datagrams_ignored_total', 'Datagrams that held no spans.', 'datagramsIgnored'],
  ['raziel_trace_spans_exported_total', 'Spans that an OpenTelemetry collector took.', 'exported'],
  ['raziel_trace_spans_export_failures_total', 'Spans that an OpenTelemetry collector did not take.', 'exportFailures'],
  ['raziel_trace_spans_export_dropped_total', 'Spans that found too many waiting to be exported.', 'exportDropped'],
  ['raziel_trace_spans_archived_total', 'Spans written to the archive of traces.', 'archived'],
  ['raziel_trace_spans_archive_failures_total', 'Spans that could not be written to it.', 'archiveFailures'],
];

export function registerTracing(registry: Registry, { all, meters: shared }: TracingCounts): void {
  const rings = all.map(({ ring }) => new SpanRing(ring));
  const meters = new TraceMeters(shared);
  const spans =
    'Spans of requests that were to be recorded: recorded; dropped, as the ring was full; suppressed, past what is kept a second.';
  counter(registry, 'raziel_trace_spans_total', spans, ['outcome'], (metric) => {
    for (const outcome of RECORDED) {
      metric.inc(
        { outcome },
        rings.reduce((sum, ring) => sum + ring.totals()[outcome], 0),
      );
    }
  });
  for (const [name, help, meter] of COUNTERS)
    counter(registry, name, help, [], (metric) => metric.inc(meters.get(meter)));
  gauge(registry, 'raziel_trace_spans', 'Spans of the traces held.', [], (metric) => metric.set(meters.get('spans')));
}
