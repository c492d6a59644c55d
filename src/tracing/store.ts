// The collector's memory of recent traces: bounded in traces and in spans, the oldest forgotten first.

import { TRACE_SPANS_PER_TRACE_MAX } from '../limits.ts';
import type { Span } from './span.ts';
import { rootOf, type TraceSummary, summaryOf } from './tree.ts';

export interface TraceFilter {
  /** A service (`zoning`) or an endpoint (`zoning.search`) that the trace has a span of. */
  readonly service?: string | undefined;
  /** Duration of the trace's first span at least. */
  readonly minMs?: number | undefined;
  /** With a failed span. */
  readonly error?: boolean | undefined;
  readonly limit: number;
}

export class TraceStore {
  readonly #tracesMax: number;
  readonly #spansMax: number;
  /** In the order in which their first spans came. */
  readonly #traces = new Map<string, Span[]>();
  #spans = 0;
  /** Spans that were left out: repeated ones, and those past TRACE_SPANS_PER_TRACE_MAX. */
  ignored = 0;

  constructor(tracesMax: number, spansMax: number) {
    this.#tracesMax = tracesMax;
    this.#spansMax = spansMax;
  }

  get traces(): number {
    return this.#traces.size;
  }

  get spans(): number {
    return this.#spans;
  }

  add(span: Span): void {
    const spans = this.#traces.get(span.traceId);
    if (spans === undefined) {
      this.#traces.set(span.traceId, [span]);
    } else {
      // A datagram may come twice.
      if (spans.length >= TRACE_SPANS_PER_TRACE_MAX || spans.some(({ spanId }) => spanId === span.spanId)) {
        this.ignored++;
        return;
      }
      spans.push(span);
    }
    this.#spans++;
    this.#forget();
  }

  spansOf(traceId: string): readonly Span[] | undefined {
    return this.#traces.get(traceId);
  }

  /** The newest first. */
  find(filter: TraceFilter): TraceSummary[] {
    const found: TraceSummary[] = [];
    const traces = [...this.#traces.values()];
    for (let i = traces.length - 1; i >= 0 && found.length < filter.limit; i--) {
      const spans = traces[i] as Span[];
      if (matches(spans, filter)) found.push(summaryOf(spans));
    }
    return found;
  }

  #forget(): void {
    while (this.#traces.size > this.#tracesMax || this.#spans > this.#spansMax) {
      const [oldest] = this.#traces;
      if (oldest === undefined || this.#traces.size === 1) return;
      this.#traces.delete(oldest[0]);
      this.#spans -= oldest[1].length;
    }
  }
}

function matches(spans: readonly Span[], { service, minMs, error }: TraceFilter): boolean {
  if (minMs !== undefined && rootOf(spans).durationMicros < minMs * 1000) return false;
  if (error !== undefined && spans.some((span) => span.error !== undefined) !== error) return false;
  if (service === undefined) return true;
  return spans.some(({ name }) => name === service || (name.startsWith(service) && name[service.length] === '.'));
}
