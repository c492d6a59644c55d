import { describe, expect, it } from 'vitest';
import { RazielError } from '../../../src/errors.ts';
import { TRACE_KEPT_PER_SECOND_MAX, TRACE_SPANS_PER_REQUEST_MAX } from '../../../src/limits.ts';
import { untracedCall } from '../../../src/tracing/call.ts';
import { SpanRing } from '../../../src/tracing/ring.ts';
import { FLAG_REMOTE_PARENT, FLAG_ROOT, FLAG_UNFINISHED, type Span, spanOfRecord } from '../../../src/tracing/span.ts';
import type { TracerOptions } from '../../../src/tracing/tracer.ts';
import { traced } from '../../support/traced.ts';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

function setUp(options: Partial<TracerOptions> = {}, capacity?: number) {
  const { ring, strings, tracer, stats, services } = traced({ rate: 1, ...options }, capacity);
  const from = tracer.name('websocket');
  const reader = new SpanRing(ring.shared);
  const spans = () => {
    const read: Span[] = [];
    reader.drain(1_000_000, (words, at) =>
      read.push(spanOfRecord(words, at, (number) => strings.text(number), 'here')),
    );
    return read;
  };
  return { ring, strings, tracer, stats, services, from, spans };
}

function failing(): never {
  throw new RazielError('BAD_LAT', 'no');
}

describe('a sampled request', () => {
  it('leaves its tree of calls in the ring, in the order in which they began', () => {
    const { tracer, services, from, spans } = setUp();
    const inner = services.register({ name: 'zoning.search', summary: '', handle: (n: number) => n + 1 });
    const outer = services.register({
      name: 'nearest-driver.search',
      summary: '',
      handle: (n: number, call) => inner.run(n, call) + inner.run(n, call),
    });
    const before = Date.now() * 1000;
    const root = tracer.begin(from);
    expect(outer.run(1, root)).toBe(4);
    tracer.end(root);
    const [first, second, third, ...others] = spans();
    expect(others).toEqual([]);
    expect(first).toMatchObject({
      name: 'nearest-driver.search',
      from: 'websocket',
      parentId: undefined,
      flags: FLAG_ROOT,
    });
    expect(first?.traceId).toBe(77669839702851584n.toString(16).padStart(32, '0'));
    expect(second).toMatchObject({
      name: 'zoning.search',
      from: 'nearest-driver.search',
      parentId: first?.spanId,
      flags: 0,
    });
    expect(third?.parentId).toBe(first?.spanId);
    expect(new Set([first?.spanId, second?.spanId, third?.spanId]).size).toBe(3);
    expect(first?.startMicros).toBeGreaterThan(before - 5_000);
    expect(first?.startMicros).toBeLessThan(Date.now() * 1000 + 5_000);
    expect(second?.startMicros).toBeGreaterThanOrEqual(first?.startMicros as number);
    expect(first?.durationMicros).toBeGreaterThanOrEqual(
      (second?.durationMicros as number) + (third?.durationMicros as number),
    );
  });

  it('goes on with the trace that a traceparent names', () => {
    const { tracer, services, from, spans } = setUp({ rate: 0 });
    const endpoint = services.register({ name: 'raziel.ping', summary: '', handle: () => 1 });
    const root = tracer.begin(from, TRACEPARENT);
    endpoint.run(undefined, root);
    expect(tracer.traceIdOf(root)).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
    expect(tracer.traceparentOf(root)).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/);
    tracer.end(root);
    const [span] = spans();
    expect(span).toMatchObject({
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      parentId: '00f067aa0ba902b7',
      flags: FLAG_ROOT | FLAG_REMOTE_PARENT,
      weight: 1,
    });
  });

  it('is not recorded when its traceparent says that it is not sampled, but for an error', () => {
    const { tracer, services, from, spans } = setUp({ rate: 1 });
    const endpoint = services.register({
      name: 'raziel.ping',
      summary: '',
      handle: (fails: boolean) => fails && failing(),
    });
    const unsampled = `${TRACEPARENT.slice(0, -1)}0`;
    let root = tracer.begin(from, unsampled);
    endpoint.run(false, root);
    tracer.end(root);
    expect(spans()).toEqual([]);
    root = tracer.begin(from, unsampled);
    expect(() => endpoint.run(true, root)).toThrow('no');
    tracer.end(root);
    expect(spans()).toMatchObject([{ traceId: '4bf92f3577b34da6a3ce929d0e0e4736', error: 'BAD_LAT' }]);
  });

  it('is dropped whole, and counted, when the ring is full', () => {
    const { tracer, ring, services, from, spans } = setUp({}, 4);
    const inner = services.register({ name: 'a.inner', summary: '', handle: () => 1 });
    const outer = services.register({
      name: 'a.outer',
      summary: '',
      handle: (_: undefined, call) => inner.run(undefined, call),
    });
    for (let i = 0; i < 3; i++) {
      const root = tracer.begin(from);
      outer.run(undefined, root);
      if (i === 1) inner.run(undefined, root);
      tracer.end(root);
    }
    expect(ring.totals()).toEqual({ recorded: 4, dropped: 3, suppressed: 0 });
    expect(spans().map(({ name }) => name)).toEqual(['a.outer', 'a.inner', 'a.outer', 'a.inner']);
  });

  it('keeps its first spans when it makes more calls than are kept', () => {
    const { tracer, services, from, spans } = setUp();
    const endpoint = services.register({ name: 'a.b', summary: '', handle: () => 1 });
    const root = tracer.begin(from);
    for (let i = 0; i < TRACE_SPANS_PER_REQUEST_MAX + 10; i++) endpoint.run(undefined, root);
    tracer.end(root);
    expect(spans()).toHaveLength(TRACE_SPANS_PER_REQUEST_MAX);
  });
});

describe('a request that no rate has drawn', () => {
  it('leaves nothing when it succeeds in time', () => {
    const { tracer, services, from, spans } = setUp({ rate: 0 });
    const endpoint = services.register({ name: 'a.b', summary: '', handle: () => 1 });
    for (let i = 0; i < 1_000; i++) {
      const root = tracer.begin(from);
      endpoint.run(undefined, root);
      expect(tracer.traceIdOf(root)).toBeUndefined();
      tracer.end(root);
    }
    expect(spans()).toEqual([]);
  });

  it('is kept when a call in it fails, even one whose caller goes on without it', () => {
    const { tracer, services, from, spans } = setUp({ rate: 0 });
    const inner = services.register({ name: 'eta.osrm', summary: '', handle: failing });
    const outer = services.register({
      name: 'eta.multitraveltime',
      summary: '',
      handle: (_: undefined, call) => {
        try {
          return inner.run(undefined, call);
        } catch {
          return 0;
        }
      },
    });
    const root = tracer.begin(from);
    expect(outer.run(undefined, root)).toBe(0);
    tracer.end(root);
    expect(spans().map(({ name, error }) => [name, error])).toEqual([
      ['eta.multitraveltime', undefined],
      ['eta.osrm', 'BAD_LAT'],
    ]);
  });

  it('is kept when it was refused before it came to an endpoint', () => {
    const { tracer, from, spans } = setUp({ rate: 0 });
    tracer.end(tracer.begin(from), tracer.name('raziel.search'), tracer.name('BAD_LON'));
    expect(spans()).toMatchObject([{ name: 'raziel.search', error: 'BAD_LON', from: 'websocket' }]);
  });

  it('is kept when it was slow', () => {
    const { tracer, services, from, spans } = setUp({ rate: 0, slowMs: 0 });
    const endpoint = services.register({ name: 'a.b', summary: '', handle: () => 1 });
    const root = tracer.begin(from);
    endpoint.run(undefined, root);
    tracer.end(root);
    expect(spans()).toMatchObject([{ name: 'a.b', weight: 1 }]);
  });

  it('is kept for its failure a bounded number of times a second', () => {
    const { tracer, ring, from, spans } = setUp({ rate: 0 });
    const name = tracer.name('a.b');
    for (let i = 0; i < 3 * TRACE_KEPT_PER_SECOND_MAX; i++) tracer.end(tracer.begin(from), name, name);
    const kept = spans().length;
    expect(kept).toBeGreaterThanOrEqual(TRACE_KEPT_PER_SECOND_MAX);
    expect(kept).toBeLessThan(3 * TRACE_KEPT_PER_SECOND_MAX);
    expect(ring.totals().suppressed).toBe(3 * TRACE_KEPT_PER_SECOND_MAX - kept);
  });
});

describe('the rate', () => {
  it('draws its share of the requests, each standing for as many as it should', () => {
    let state = 12345;
    const random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    const { tracer, services, from, spans } = setUp({ rate: 0.05, random });
    const endpoint = services.register({ name: 'a.b', summary: '', handle: () => 1 });
    for (let i = 0; i < 20_000; i++) {
      const root = tracer.begin(from);
      endpoint.run(undefined, root);
      tracer.end(root);
    }
    const drawn = spans();
    expect(drawn.length, 'seed 12345').toBeGreaterThan(900);
    expect(drawn.length, 'seed 12345').toBeLessThan(1_100);
    expect(new Set(drawn.map(({ weight }) => weight))).toEqual(new Set([20]));
  });

  it('counts requests that native code answers as well', () => {
    const { tracer, from, spans } = setUp({ rate: 1 });
    const name = tracer.name('raziel.search');
    tracer.countdown--;
    const traceId = tracer.record(name, from, 12.5, 0);
    expect(spans()).toMatchObject([
      { traceId, name: 'raziel.search', durationMicros: 12.5, weight: 1, flags: FLAG_ROOT },
    ]);
  });
});

describe('a promise that is given up', () => {
  it('fails by its deadline, and what it does later touches no other request', async () => {
    const { tracer, services, from, spans } = setUp({ rate: 1 });
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const inner = services.register({ name: 'late.inner', summary: '', handle: () => 1 });
    let late: Promise<void> | undefined;
    let signal: AbortSignal | undefined;
    const outer = services.register({
      name: 'late.outer',
      summary: '',
      deadlineMs: 5,
      handle: (_: undefined, call) => {
        signal = call.signal;
        late = held.then(() => void inner.run(undefined, call)).catch(() => {});
        return late;
      },
    });
    const root = tracer.begin(from);
    await expect(outer.run(undefined, root)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(signal?.aborted).toBe(true);
    tracer.end(root);
    expect(spans()).toMatchObject([{ name: 'late.outer', error: 'DEADLINE_EXCEEDED' }]);
    const other = tracer.begin(from);
    // Were its calls those of the request before, the late one would get on by them.
    inner.run(undefined, other);
    release();
    await late;
    tracer.end(other);
    expect(spans()).toHaveLength(1);
  });

  it('shows a call that had not ended as unfinished', () => {
    const { tracer, from, spans } = setUp({ rate: 1 });
    const root = tracer.begin(from);
    root.begin(tracer.name('a.b'), Number.POSITIVE_INFINITY);
    tracer.end(root);
    expect(spans()).toMatchObject([{ flags: FLAG_ROOT | FLAG_UNFINISHED }]);
  });
});

describe('a call without a request', () => {
  it('is answered and leaves no trace', () => {
    const { services, spans } = setUp();
    const endpoint = services.register({ name: 'a.b', summary: '', handle: () => 1 });
    expect(endpoint.run(undefined, untracedCall())).toBe(1);
    expect(spans()).toEqual([]);
  });
});
