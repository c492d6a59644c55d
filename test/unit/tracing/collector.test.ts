import { describe, expect, it } from 'vitest';
import { TRACE_AGGREGATES_MAX, TRACE_SPANS_PER_TRACE_MAX, TRACE_TEXTS_MAX } from '../../../src/limits.ts';
import { allocateCounters, Counters } from '../../../src/metrics/counters.ts';
import { EndpointStats } from '../../../src/metrics/endpoint-stats.ts';
import { Collector } from '../../../src/tracing/collector.ts';
import { LocalStatistics } from '../../../src/tracing/local-statistics.ts';
import { allocateTracing } from '../../../src/tracing/shared.ts';
import { SpanSource } from '../../../src/tracing/source.ts';
import type { Span } from '../../../src/tracing/span.ts';
import { countCall, newTotals, reportOf, StatisticsWindow } from '../../../src/tracing/statistics.ts';
import { SpanStore } from '../../../src/tracing/store.ts';
import { Strings } from '../../../src/tracing/strings.ts';
import { treeOf } from '../../../src/tracing/tree.ts';
import { traced } from '../../support/traced.ts';

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

describe('the store of spans', () => {
  it('gives every span back as it was added', () => {
    const store = new SpanStore(100);
    const spans = [
      span(7, 1, 0, { flags: 5, weight: 100, startMicros: 1.795e15 + 0.25, durationMicros: 1.5 }),
      span(7, 2, 1, { error: 'BAD_LAT', name: 'a.b', from: 'raziel.search', host: 'two' }),
    ];
    for (const each of spans) store.addSpan(each);
    store.addSpan(span(8, 1, 0));
    expect(store.spansOf(id(7, 32))).toEqual(spans);
    expect(store.spansOf(id(9, 32))).toBeUndefined();
    const long = span(1, 1, 0, { traceId: 'f123456789abcdef0fedcba987654321', spanId: 'f00000000000000f' });
    store.addSpan(long);
    expect(store.spansOf(long.traceId)).toEqual([long]);
  });

  it('holds the last spans when there are more than it has room for, as it grows and after', () => {
    const store = new SpanStore(10_000);
    for (let trace = 1; trace <= 25_000; trace++) {
      store.addSpan(span(trace, 1, 0));
      if (trace === 5_000) expect(store.spansOf(id(1, 32))).toHaveLength(1);
    }
    expect(store.spans).toBe(10_000);
    expect(store.spansOf(id(15_000, 32))).toBeUndefined();
    expect(store.spansOf(id(15_001, 32))).toEqual([span(15_001, 1, 0)]);
    expect(store.find({ limit: 3 }).map(({ traceId }) => traceId)).toEqual(
      [25_000, 24_999, 24_998].map((n) => id(n, 32)),
    );
    expect(store.find({ limit: 20_000 })).toHaveLength(10_000);
    expect(store.traceIds().size).toBe(10_000);
  });

  it('shows each span once, and a bounded number of a trace', () => {
    const store = new SpanStore(100_000);
    for (let number = 1; number <= TRACE_SPANS_PER_TRACE_MAX + 5; number++) {
      store.addSpan(span(1, number, 0));
      store.addSpan(span(1, number, 0));
    }
    expect(store.spansOf(id(1, 32))).toHaveLength(TRACE_SPANS_PER_TRACE_MAX);
    const shown = new Set(store.spansOf(id(1, 32))?.map(({ spanId }) => spanId));
    expect(shown.size).toBe(TRACE_SPANS_PER_TRACE_MAX);
  });

  it('knows its own texts by their names however many others send', () => {
    const store = new SpanStore(100);
    for (let i = 0; i < 2 * TRACE_TEXTS_MAX; i++)
      store.addSpan(span(1, i + 1, 0, { name: `junk.${i}`, error: `E${i}` }));
    expect(store.spansOf(id(1, 32))?.at(-1)).toMatchObject({ name: '(other)', error: '(other error)' });
    const number = store.intern('raziel.search');
    expect(number).toBeGreaterThan(0);
    expect(store.intern('raziel.search')).toBe(number);
  });

  it('takes records of a thread, with the numbers of its own table', () => {
    const { tracer, strings, ring } = traced({ rate: 1 });
    const store = new SpanStore(100);
    store.intern('something that makes the numbers differ');
    const root = tracer.begin(tracer.name('websocket'));
    const call = root.begin(tracer.name('nearest-driver.search'), Number.POSITIVE_INFINITY);
    call.begin(tracer.name('zoning.search'), Number.POSITIVE_INFINITY).end(tracer.name('OVERLOADED'));
    call.end(0);
    const traceId = tracer.traceIdOf(root) as string;
    tracer.end(root);
    const seen: Span[] = [];
    const source = new SpanSource({ ring: ring.shared, strings: strings.shared }, 'cab-office');
    expect(source.drain(store, (each) => seen.push(each))).toBe(2);
    expect(store.spansOf(traceId)).toEqual(seen);
    expect(seen).toMatchObject([
      { name: 'nearest-driver.search', from: 'websocket', host: 'cab-office', error: undefined },
      { name: 'zoning.search', from: 'nearest-driver.search', error: 'OVERLOADED', parentId: seen[0]?.spanId },
    ]);
  });

  it('finds the newest first, by service or endpoint, duration and error', () => {
    const store = new SpanStore(100);
    store.addSpan(span(1, 1, 0, { name: 'nearest-driver.search', durationMicros: 5_000 }));
    store.addSpan(span(2, 1, 0, { name: 'raziel.search', durationMicros: 50_000 }));
    store.addSpan(span(1, 2, 1, { name: 'zoning.search', error: 'OVERLOADED', durationMicros: 7_000 }));
    store.addSpan(span(3, 1, 0, { name: 'zoning.put' }));
    const found = (filter: object): number[] =>
      store.find({ limit: 10, ...filter }).map(({ traceId }) => Number.parseInt(traceId, 16));
    expect(found({})).toEqual([3, 1, 2]);
    expect(found({ limit: 2 })).toEqual([3, 1]);
    expect(found({ service: 'zoning' })).toEqual([3, 1]);
    expect(found({ service: 'zoning.search' })).toEqual([1]);
    expect(found({ service: 'zon' })).toEqual([]);
    expect(found({ minMs: 5 })).toEqual([1, 2]);
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
