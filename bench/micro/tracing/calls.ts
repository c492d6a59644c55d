// What the wrapper around an endpoint costs, and recording a span: requests of one call that makes four more, of handlers that do nothing,
// recorded all and none.
// Runs as a task of its own process: {rounds} → nanoseconds.

import { EndpointStats } from '#dist/metrics/endpoint-stats.js';
import { Services } from '#dist/services/services.js';
import { SpanRing } from '#dist/tracing/ring.js';
import { Strings } from '#dist/tracing/strings.js';
import { Tracer } from '#dist/tracing/tracer.js';
import { answerTask } from '../../lib/processes.ts';
import { median } from '../../lib/statistics.ts';

export interface CallsTask {
  readonly rounds: number;
}

export interface CallsResult {
  /** Of a call that is not recorded: its two readings of the clock, its statistics, its span in the request's memory. */
  readonly call: number;
  /** More for one that is. */
  readonly span: number;
  /** One reading of the clock. */
  readonly clock: number;
}

const REQUESTS = 500;
const CALLS = 5;
const WARM_UP_ROUNDS = 200;
const nextId = (): bigint => 1n;

await answerTask(({ rounds }: CallsTask): CallsResult => {
  const none = requestsOf(0);
  const all = requestsOf(1);
  const calls: number[] = [];
  const spans: number[] = [];
  for (let round = 0; round < rounds + WARM_UP_ROUNDS; round++) {
    const call = none();
    const recorded = all();
    if (round < WARM_UP_ROUNDS) continue;
    calls.push(call);
    spans.push(recorded - call);
  }
  return { call: median(calls), span: median(spans), clock: clock() };
});

/** A run of requests, which returns the nanoseconds of a call. */
function requestsOf(rate: number): () => number {
  const ring = new SpanRing();
  const reader = new SpanRing(ring.shared);
  const tracer = new Tracer(ring, new Strings(), { rate, slowMs: Number.POSITIVE_INFINITY, nextId });
  const services = new Services(tracer, new EndpointStats());
  const step = services.register({ name: 'bench.step', summary: '', handle: (n: number) => n + 1 });
  const whole = services.register({
    name: 'bench.whole',
    summary: '',
    handle: (n: number, call) => step.run(step.run(step.run(step.run(n, call), call), call), call),
  });
  const from = tracer.name('bench');
  return () => {
    const startedAt = performance.now();
    for (let i = 0; i < REQUESTS; i++) {
      const root = tracer.begin(from);
      whole.run(i, root);
      tracer.end(root);
    }
    const nanoseconds = ((performance.now() - startedAt) * 1e6) / (REQUESTS * CALLS);
    reader.drain(REQUESTS * CALLS, () => {});
    return nanoseconds;
  };
}

function clock(): number {
  const readings = 100_000;
  const startedAt = performance.now();
  for (let i = 1; i < readings; i++) performance.now();
  return ((performance.now() - startedAt) * 1e6) / readings;
}
