// Spans to an OpenTelemetry collector over OTLP/HTTP, by OpenTelemetry's own batching and exporter. A bounded number of spans waits; more
// are dropped and counted, and so is what the collector does not take.

import { type Attributes, type HrTime, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace';
import { TRACE_EXPORT_SPANS_MAX } from '../limits.ts';
import type { TraceMeters } from '../metrics/trace-meters.ts';
import { FLAG_REMOTE_PARENT, FLAG_ROOT, type Span } from './span.ts';

const BATCH_SPANS = 512;
const WINDOW_MS = 1_000;
const TIMEOUT_MS = 10_000;
const HOSTS_MAX = 256;
/** What `code` 0 of an export's result means. */
const SUCCESS = 0;

export class OtlpExport {
  readonly #processor: BatchSpanProcessor;
  readonly #meters: TraceMeters;
  readonly #resources = new Map<string, Resource>();
  #waiting = 0;

  /** @param url of the collector's traces, such as http://127.0.0.1:4318/v1/traces */
  constructor(url: string, meters: TraceMeters) {
    this.#meters = meters;
    const exporter = new OTLPTraceExporter({ url, timeoutMillis: TIMEOUT_MS });
    this.#processor = new BatchSpanProcessor({
      exporter: this.#counted(exporter),
      maxQueueSize: TRACE_EXPORT_SPANS_MAX,
      maxExportBatchSize: BATCH_SPANS,
      scheduledDelayMillis: WINDOW_MS,
      exportTimeoutMillis: TIMEOUT_MS,
    });
  }

  add(span: Span): void {
    if (this.#waiting >= TRACE_EXPORT_SPANS_MAX) {
      this.#meters.add('exportDropped', 1);
      return;
    }
    this.#waiting++;
    this.#processor.onEnd(this.#readable(span));
  }

  /** Sends what waits, for as long as that may take. */
  async close(timeoutMs: number): Promise<void> {
    const timer = new Promise<void>((resolve) => setTimeout(resolve, timeoutMs).unref());
    await Promise.race([this.#processor.shutdown().catch(() => {}), timer]);
  }

  #counted(exporter: OTLPTraceExporter): SpanExporter {
    return {
      export: (spans, done) => {
        exporter.export(spans, (result) => {
          this.#waiting -= spans.length;
          this.#meters.add(result.code === SUCCESS ? 'exported' : 'exportFailures', spans.length);
          done(result);
        });
      },
      shutdown: () => exporter.shutdown(),
      forceFlush: () => exporter.forceFlush(),
    };
  }

  #readable(span: Span): ReadableSpan {
    const { traceId, spanId, parentId, name, error, flags } = span;
    const context = { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
    const [service = '', method = ''] = name.split('.');
    const attributes: Attributes = { 'rpc.service': service, 'rpc.method': method, 'raziel.from': span.from };
    if (error !== undefined) attributes['error.type'] = error;
    const isRemote = (flags & FLAG_REMOTE_PARENT) !== 0;
    return {
      name,
      kind: (flags & FLAG_ROOT) === 0 ? SpanKind.INTERNAL : SpanKind.SERVER,
      spanContext: () => context,
      ...(parentId === undefined
        ? {}
        : { parentSpanContext: { traceId, spanId: parentId, traceFlags: TraceFlags.SAMPLED, isRemote } }),
      startTime: timeOf(span.startMicros),
      endTime: timeOf(span.startMicros + span.durationMicros),
      duration: timeOf(span.durationMicros),
      status: error === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: error },
      attributes,
      links: [],
      events: [],
      ended: true,
      resource: this.#resourceOf(span.host),
      instrumentationScope: { name: 'raziel' },
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    };
  }

  #resourceOf(host: string): Resource {
    let resource = this.#resources.get(host);
    if (resource === undefined) {
      if (this.#resources.size >= HOSTS_MAX) this.#resources.clear();
      resource = resourceFromAttributes({ 'service.name': 'raziel', 'host.name': host });
      this.#resources.set(host, resource);
    }
    return resource;
  }
}

/** Seconds and nanoseconds. */
function timeOf(micros: number): HrTime {
  const seconds = Math.floor(micros / 1e6);
  return [seconds, Math.round((micros - seconds * 1e6) * 1000)];
}
