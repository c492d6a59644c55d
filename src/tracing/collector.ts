// The embedded collector: recent traces, and what they say of other hosts' endpoints, in bounded memory.

import { RazielError } from '../errors.ts';
import { TRACE_AGGREGATES_MAX, TRACE_SPANS_KEPT_MAX } from '../limits.ts';
import type { Span } from './span.ts';
import { countCall, type EndpointTotals, newTotals } from './statistics.ts';
import { type TraceFilter, TraceStore } from './store.ts';
import { type TraceSummary, type TraceTree, treeOf } from './tree.ts';

/** Where traces are looked for that are not in memory any more. */
export interface TraceArchive {
  add(span: Span): void;
  spansOf(traceId: string): readonly Span[] | undefined;
}

export class Collector {
  readonly store: TraceStore;
  readonly #archive: TraceArchive | undefined;
  /** Of other hosts, by `host` and `name` with a line feed between. */
  readonly remote = new Map<string, EndpointTotals>();

  constructor(tracesMax: number, archive?: TraceArchive) {
    this.store = new TraceStore(tracesMax, TRACE_SPANS_KEPT_MAX);
    this.#archive = archive;
  }

  add(span: Span): void {
    this.store.add(span);
    this.#archive?.add(span);
  }

  /** Spans of another server, whose calls are counted by them alone. */
  addRemote(span: Span): void {
    this.add(span);
    const key = `${span.host}\n${span.name}`;
    let totals = this.remote.get(key);
    if (totals === undefined) {
      if (this.remote.size >= TRACE_AGGREGATES_MAX) return;
      totals = newTotals();
      this.remote.set(key, totals);
    }
    countCall(totals, span.durationMicros, span.error !== undefined, span.weight);
  }

  find(filter: TraceFilter): TraceSummary[] {
    return this.store.find(filter);
  }

  /** @throws RazielError UNKNOWN_TRACE */
  tree(traceId: string): TraceTree {
    const spans = this.store.spansOf(traceId) ?? this.#archive?.spansOf(traceId);
    if (spans !== undefined) return treeOf(spans);
    throw new RazielError('UNKNOWN_TRACE', `no trace ${traceId} is held`, { field: 'traceId' });
  }
}
