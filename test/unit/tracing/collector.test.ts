import { describe, expect, it } from 'vitest';
import { TRACE_AGGREGATES_MAX, TRACE_SPANS_PER_TRACE_MAX } from '../../../src/limits.ts';
import { allocateCounters, Counters } from '../../../src/metrics/counters.ts';
import { EndpointStats } from '../../../src/metrics/endpoint-stats.ts';
import { Collector } from '../../../src/tracing/collector.ts';
import { LocalStatistics } from '../../../src/tracing/local-statistics.ts';
import { allocateTracing } from '../../../src/tracing/shared.ts';
import type { Span } from '../../../src/tracing/span.ts';
import { countCall, newTotals, reportOf, StatisticsWindow } from '../../../src/tracing/statistics.ts';
import { TraceStore } from '../../../src/tracing/store.ts';
import { Strings } from '../../../src/tracing/strings.ts';
import { treeOf } from '../../../src/tracing/tree.ts';

const id = (n: number, digits: number): string => n.toString(16).padStart(digits, '0');

/** @param parent 0 for none */
function span(trace: number, number: number, parent: number, more: Partial<Span> = {}): Span {
  return {
    traceId: id(trace, 32),
    spanId: id(number, 16),
    parentId: parent === 0 ? undefined : id(parent, 16),
    startMicros: 1e15 + number,
    durationMicros: 1_000,
    name: 'raziel.search',
    from: 'http',
    host: 'one',
    error: undefined,
    flags: 0,
    weight: 1,
    ...more,
  };
}

/** The tree as span numbers: [1, [2, [3]]] is 1 calling 2 calling 3. */
type Shape = (number | Shape)[];
function shapeOf(calls: ReturnType<typeof treeOf>['roots']): Shape {
  return calls.flatMap((call) => {
    const number = Number.parseInt(call.spanId, 16);
    return call.calls.length === 0 ? [number] : [number, shapeOf(call.calls)];
  });
}

describe('the tree of a trace', () => {
  it('has each call under its caller, in the order in which they began, however they came', () => {
    const spans = [span(1, 4, 2), span(1, 3, 1), span(1, 2, 1), span(1, 1, 0), span(1, 5, 3)];
    expect(shapeOf(treeOf(spans).roots)).toEqual([1, [2, [4], 3, [5]]]);
  });

  it('has calls whose caller is not there at its top', () => {
    expect(shapeOf(treeOf([span(1, 1, 99), span(1, 2, 1), span(1, 3, 98)]).roots)).toEqual([1, [2], 3]);
  });

  it('has every call once even where they call each other in a circle, or themselves', () => {
    expect(shapeOf(treeOf([span(1, 1, 2), span(1, 2, 3), span(1, 3, 1)]).roots)).toEqual([1, [3, [2]]]);
    expect(shapeOf(treeOf([span(1, 1, 1)]).roots)).toEqual([1]);
  });

  it('says what failed and what had not ended', () => {
    const { roots } = treeOf([span(1, 1, 0, { flags: 4 }), span(1, 2, 1, { error: 'BAD_LAT' })]);
    expect(roots).toMatchObject([{ unfinished: true, calls: [{ error: 'BAD_LAT' }] }]);
    expect(roots[0]).not.toHaveProperty('error');
  });
});

describe('the store of traces', () => {
  it('forgets the oldest traces past its bounds of traces and of spans', () => {
    const store = new TraceStore(3, 5);
    for (let trace = 1; trace <= 4; trace++) store.add(span(trace, 1, 0));
    expect([store.traces, store.spans]).toEqual([3, 3]);
    expect(store.spansOf(id(1, 32))).toBeUndefined();
    for (let number = 2; number <= 5; number++) store.add(span(4, number, 1));
    expect([store.traces, store.spans]).toEqual([1, 5]);
    expect(store.spansOf(id(4, 32))).toHaveLength(5);
  });

  it('takes each span once, and a bounded number for a trace', () => {
    const store = new TraceStore(10, 1_000_000);
    for (let number = 1; number <= TRACE_SPANS_PER_TRACE_MAX + 5; number++) {
      store.add(span(1, number, 0));
      store.add(span(1, number, 0));
    }
    expect(store.spans).toBe(TRACE_SPANS_PER_TRACE_MAX);
  });

  it('finds the newest first, by service or endpoint, duration and error', () => {
    const store = new TraceStore(100, 1_000);
    store.add(span(1, 1, 0, { name: 'nearest-driver.search', durationMicros: 5_000 }));
    store.add(span(1, 2, 1, { name: 'zoning.search', error: 'OVERLOADED' }));
    store.add(span(2, 1, 0, { name: 'raziel.search', durationMicros: 50_000 }));
    store.add(span(3, 1, 0, { name: 'zoning.put' }));
    const found = (filter: object): number[] =>
      store.find({ limit: 10, ...filter }).map(({ traceId }) => Number.parseInt(traceId, 16));
    expect(found({})).toEqual([3, 2, 1]);
    expect(found({ limit: 2 })).toEqual([3, 2]);
    expect(found({ service: 'zoning' })).toEqual([3, 1]);
    expect(found({ service: 'zoning.search' })).toEqual([1]);
    expect(found({ service: 'zon' })).toEqual([]);
    expect(found({ minMs: 5 })).toEqual([2, 1]);
    expect(found({ minMs: 5.001 })).toEqual([2]);
    expect(found({ error: true })).toEqual([1]);
    expect(found({ error: false })).toEqual([3, 2]);
    expect(store.find({ limit: 10, error: true })).toMatchObject([
      { name: 'nearest-driver.search', error: 'OVERLOADED', spans: 2, errors: 1, durationMicros: 5_000 },
    ]);
  });
});

describe('the collector', () => {
  it('counts other hosts endpoints by what their spans stand for, a bounded number of them', () => {
    const collector = new Collector(10);
    collector.addRemote(span(1, 1, 0, { weight: 100 }));
    collector.addRemote(span(1, 2, 1, { error: 'BAD_LAT' }));
    expect(reportOf([...collector.remote.values()][0] ?? newTotals(), 10)).toMatchObject({
      calls: 101,
      errors: 1,
      perSecond: 10.1,
    });
    for (let i = 0; i < 2 * TRACE_AGGREGATES_MAX; i++) collector.addRemote(span(2, i + 1, 0, { name: `a.b${i}` }));
    expect(collector.remote.size).toBe(TRACE_AGGREGATES_MAX);
  });

  it('knows no trace that it does not hold', () => {
    expect(() => new Collector(10).tree(id(1, 32))).toThrow(expect.objectContaining({ code: 'UNKNOWN_TRACE' }));
  });
});

describe('statistics', () => {
  it('are told of a window as well as of all time', () => {
    const window = new StatisticsWindow(2);
    const totals = newTotals();
    const all = new Map([['a.b', totals]]);
    window.note(all, 0);
    countCall(totals, 100, false, 1);
    window.note(all, 10_000);
    countCall(totals, 1_000, true, 1);
    window.note(all, 20_000);
    countCall(totals, 2_000, false, 1);
    const { totals: recent, seconds } = window.since('a.b', totals, 30_000);
    const { p50Micros, ...report } = reportOf(recent, seconds);
    expect(report).toMatchObject({ calls: 2, errors: 1, perSecond: 0.1, meanMicros: 1_500 });
    expect(p50Micros).toBeGreaterThan(960);
    expect(p50Micros).toBeLessThan(1_040);
    expect(reportOf(totals, 30).calls).toBe(3);
  });

  it('are summed over threads and over wrappers and transports', () => {
    const threads = [allocateTracing(), allocateTracing()];
    const counters = allocateCounters(2);
    for (const [thread, { strings, stats }] of threads.entries()) {
      const table = new Strings(strings);
      // The same name need not have the same number in each thread.
      if (thread === 1) table.intern('something else');
      const row = new EndpointStats(stats).row(table.intern('raziel.search'));
      row.call(10);
      row.error();
      for (let i = 0; i < 8; i++) new Counters(counters, thread).request('nearest', 'ws', 80);
    }
    const endpoint = {
      name: 'raziel.search',
      summary: '',
      isCallable: true,
      countedAs: ['nearest', 'within'] as const,
    };
    const totals = new LocalStatistics(threads, counters).read([endpoint]).get('raziel.search') ?? newTotals();
    const { p50Micros, p99Micros, ...report } = reportOf(totals, 9);
    expect(report).toMatchObject({ calls: 18, errors: 2, perSecond: 2, meanMicros: (2 * 10 + 16 * 80) / 18 });
    expect(totals.buckets.reduce((sum, count) => sum + count, 0)).toBeCloseTo(18);
    // The transports tell that they are within 50..100.
    expect(p50Micros).toBeGreaterThanOrEqual(50);
    expect(p99Micros).toBeLessThanOrEqual(104);
  });
});
