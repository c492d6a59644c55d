// The spans of a trace as people ask for them: one line about it, or the tree of its calls.

import { FLAG_UNFINISHED, type Span } from './span.ts';

/** A trace in a list. */
export interface TraceSummary {
  readonly traceId: string;
  /** When it began, milliseconds since the Unix epoch. */
  readonly time: number;
  /** Of its first span, as in TracedCall. */
  readonly name: string;
  readonly from: string;
  readonly host: string;
  readonly durationMicros: number;
  /** Of the first failed span, the first one's own before others'. */
  readonly error?: string;
  readonly spans: number;
  readonly errors: number;
}

/** One call in a trace and the calls that it made, in the order in which they began. */
export interface TracedCall {
  readonly spanId: string;
  /** The endpoint. */
  readonly name: string;
  /** The endpoint, or the transport, that called. */
  readonly from: string;
  readonly host: string;
  /** Milliseconds since the Unix epoch. */
  readonly time: number;
  readonly durationMicros: number;
  /** Code of its failure. */
  readonly error?: string;
  /** It had not ended when its request had. */
  readonly unfinished?: true;
  readonly calls: readonly TracedCall[];
}

export interface TraceTree {
  readonly traceId: string;
  readonly spans: number;
  /** Calls whose caller is not in the trace; one, as a rule. */
  readonly roots: readonly TracedCall[];
}

/** The first span: of those without a caller in the trace the earliest. */
function rootOf(spans: readonly Span[]): Span {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const roots = spans.filter(({ parentId }) => parentId === undefined || !ids.has(parentId));
  return earliest(roots.length > 0 ? roots : spans);
}

export function summaryOf(spans: readonly Span[]): TraceSummary {
  const root = rootOf(spans);
  const failed = spans.filter(({ error }) => error !== undefined);
  const error = root.error ?? failed[0]?.error;
  return {
    traceId: root.traceId,
    time: root.startMicros / 1000,
    name: root.name,
    from: root.from,
    host: root.host,
    durationMicros: root.durationMicros,
    ...(error === undefined ? {} : { error }),
    spans: spans.length,
    errors: failed.length,
  };
}

/** Every span is in the tree once, whatever the spans say of their callers: what came over the network may say anything. */
export function treeOf(spans: readonly Span[]): TraceTree {
  const sorted = spans.toSorted((a, b) => a.startMicros - b.startMicros);
  const byId = new Map(sorted.map((span) => [span.spanId, span]));
  const byParent = new Map<string, Span[]>();
  const roots: Span[] = [];
  for (const span of sorted) {
    const { parentId } = span;
    if (parentId === undefined || !byId.has(parentId)) roots.push(span);
    else byParent.set(parentId, [...(byParent.get(parentId) ?? []), span]);
  }
  const seen = new Set<Span>();
  const callOf = (span: Span): TracedCall => {
    seen.add(span);
    const calls = (byParent.get(span.spanId) ?? []).filter((called) => !seen.has(called)).map(callOf);
    return {
      spanId: span.spanId,
      name: span.name,
      from: span.from,
      host: span.host,
      time: span.startMicros / 1000,
      durationMicros: span.durationMicros,
      ...(span.error === undefined ? {} : { error: span.error }),
      ...((span.flags & FLAG_UNFINISHED) === 0 ? {} : { unfinished: true as const }),
      calls,
    };
  };
  const trees = roots.map(callOf);
  // Spans that call each other in a circle hang from no root.
  for (const span of sorted) if (!seen.has(span)) trees.push(callOf(span));
  return { traceId: (spans[0] as Span).traceId, spans: spans.length, roots: trees };
}

function earliest(spans: readonly Span[]): Span {
  return spans.reduce((first, span) => (span.startMicros < first.startMicros ? span : first));
}
