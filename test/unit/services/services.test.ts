import { describe, expect, it } from 'vitest';
import { RazielError } from '../../../src/errors.ts';
import type { EndpointStats } from '../../../src/metrics/endpoint-stats.ts';
import { untracedCall } from '../../../src/tracing/call.ts';
import { traced } from '../../support/traced.ts';

function counts(stats: EndpointStats): { calls: number; errors: number }[] {
  return stats.read().map(({ buckets, errors }) => ({ calls: buckets.reduce((sum, n) => sum + n, 0), errors }));
}

describe('an endpoint', () => {
  it('answers at once when its handler does, and counts its calls and failures', async () => {
    const { services, stats } = traced();
    const half = services.register({
      name: 'maths.half',
      summary: '',
      handle: (n: number) => {
        if (n % 2 === 1) throw new RazielError('BAD_REQUEST', 'odd');
        return n / 2;
      },
    });
    expect(half.run(4, untracedCall())).toBe(2);
    expect(half.run(6, untracedCall())).toBe(3);
    expect(() => half.run(5, untracedCall())).toThrow('odd');
    expect(counts(stats)).toEqual([{ calls: 3, errors: 1 }]);
    const later = services.register({
      name: 'maths.later',
      summary: '',
      handle: async (n: number) => half.run(n, untracedCall()),
    });
    const answer = later.run(8, untracedCall());
    expect(answer).toBeInstanceOf(Promise);
    expect(counts(stats)[1]).toEqual({ calls: 0, errors: 0 });
    await expect(answer).resolves.toBe(4);
    await expect(later.run(1, untracedCall())).rejects.toThrow('odd');
    expect(counts(stats)).toEqual([
      { calls: 5, errors: 2 },
      { calls: 2, errors: 1 },
    ]);
  });

  it('shares its statistics with other ways into it', () => {
    const { services, stats } = traced();
    const wire = { read: () => 1 };
    const one = services.register({ name: 'a.b', summary: 'One.', handle: (n: number) => ({ n }), wire });
    const two = services.register({ name: 'a.b', summary: 'One.', handle: (text: string) => text.length });
    one.run(1, untracedCall());
    expect(two.run('abc', untracedCall())).toBe(3);
    expect(counts(stats)).toEqual([{ calls: 2, errors: 0 }]);
    expect(services.list()).toEqual([one]);
  });

  it('gives what it calls no more time than it has itself', () => {
    const { services } = traced();
    const inner = services.register({
      name: 'a.inner',
      summary: '',
      deadlineMs: 60_000,
      handle: (_: undefined, call) => call.remainingMs,
    });
    const outer = services.register({
      name: 'a.outer',
      summary: '',
      deadlineMs: 1_000,
      handle: (_: undefined, call) => inner.run(undefined, call),
    });
    expect(inner.run(undefined, untracedCall())).toBeGreaterThan(50_000);
    expect(outer.run(undefined, untracedCall())).toBeLessThanOrEqual(1_000);
  });

  it('begins no step after its deadline', () => {
    const { services } = traced();
    let steps = 0;
    const step = services.register({ name: 'a.step', summary: '', handle: () => ++steps });
    const outer = services.register({
      name: 'a.outer',
      summary: '',
      deadlineMs: 1,
      handle: (_: undefined, call) => {
        for (;;) step.run(undefined, call);
      },
    });
    expect(() => outer.run(undefined, untracedCall())).toThrow(expect.objectContaining({ code: 'DEADLINE_EXCEEDED' }));
    expect(steps).toBeGreaterThan(0);
  });
});

describe('services', () => {
  it('are called by name with what their own reader takes, and answer with the ref', async () => {
    const { services } = traced();
    services.register({
      name: 'maths.double',
      summary: '',
      handle: (n: number) => ({ n: n * 2 }),
      wire: { read: ({ n }) => Number(n) },
    });
    services.register({
      name: 'maths.later',
      summary: '',
      handle: async (n: number) => ({ n }),
      wire: { read: ({ n }) => Number(n) },
    });
    const run = (name: string) => services.runByName(name, { n: 21 }, untracedCall(), 'r', 'json');
    expect(run('maths.double')).toEqual({ kind: 'value', value: { ref: 'r', n: 42 } });
    expect(await run('maths.later')).toEqual({ kind: 'value', value: { ref: 'r', n: 21 } });
    expect(() => run('maths.none')).toThrow(expect.objectContaining({ code: 'UNKNOWN_SERVICE' }));
  });

  it('are not called by name when they are for other services only', () => {
    const { services } = traced();
    services.register({ name: 'a.inner', summary: '', handle: () => ({}) });
    expect(() => services.runByName('a.inner', {}, untracedCall(), undefined, 'json')).toThrow(
      expect.objectContaining({ code: 'NOT_SUPPORTED' }),
    );
  });

  it('have names of two parts', () => {
    const { services } = traced();
    for (const name of ['search', 'Raziel.search', 'a.b.c', '.b', 'a.']) {
      expect(() => services.register({ name, summary: '', handle: () => 1 })).toThrow('service.endpoint');
    }
  });
});
