// The embedded collector: recent traces, and what they say of other hosts' endpoints, in bounded memory.

import { RazielError } from '../errors.ts';
import { TRACE_AGGREGATES_MAX } from '../limits.ts';
import type { TraceArchive } from './archive.ts';
import type { Span } from './span.ts';
import { countCall, type EndpointTotals, newTotals } from './statistics.ts';
import { matches, SpanStore, type TraceFilter } from './store.ts';
import { summaryOf, type TraceSummary, type TraceTree, treeOf } from './tree.ts';

type Archive = Pick<TraceArchive, 'add' | 'spansOf' | 'newest'>;

export class Collector {
  readonly store: SpanStore;
  readonly #archive: Archive | undefined;
  /** Of other hosts, by `host` and `name` with a line feed between. */
  readonly remote = new Map<string, EndpointTotals>();

  /** @param archive where traces are stored that memory has no room for any more */
  constructor(spansMax: number, archive?: Archive) {
    this.store = new SpanStore(spansMax);
    this.#archive = archive;
  }

  /** Spans of another server, whose calls are counted by them alone. */
  addRemote(span: Span): void {
    this.store.addSpan(span);
    this.#archive?.add(span);
    const key = `${span.host}\n${span.name}`;
    let totals = this.remote.get(key);
    if (totals === undefined) {
      if (this.remote.size >= TRACE_AGGREGATES_MAX) return;
      totals = newTotals();
      this.remote.set(key, totals);
    }
    countCall(totals, span.durationMicros, span.error !== undefined, span.weight);
  }

  /** Those in memory, and then those that are only stored. */
  find(filter: TraceFilter): TraceSummary[] {
    const found = this.store.find(filter);
    if (this.#archive === undefined || found.length >= filter.limit) return found;
    const held = this.store.traceIds();
    for (const spans of this.#archive.newest()) {
      const [first] = spans;
      if (first === undefined || held.has(first.traceId) || !matches(spans, filter)) continue;
      found.push(summaryOf(spans));
      if (found.length >= filter.limit) break;
    }
    return found;
  }

  /** @throws RazielError UNKNOWN_TRACE */
  tree(traceId: string): TraceTree {
    // Memory may have lost the trace's first spans already, and the archive may lack what could not be written.
    const all = [...(this.#archive?.spansOf(traceId) ?? []), ...(this.store.spansOf(traceId) ?? [])];
    const spans = [...new Map(all.map((span) => [span.spanId, span])).values()];
    if (spans.length > 0) return treeOf(spans);
    throw new RazielError('UNKNOWN_TRACE', `no trace ${traceId} is held`, { field: 'traceId' });
  }
}
