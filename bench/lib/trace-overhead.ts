// What tracing costs a nearest query, for the suites that say so.

import type { CallsResult, CallsTask } from '../micro/tracing/calls.ts';
import type { OverheadResult, OverheadTask } from '../micro/tracing/overhead.ts';
import { benchScript } from './paths.ts';
import { runTask } from './processes.ts';
import type { Report } from './report.ts';
import type { RunOptions } from './suite.ts';

const DRIVERS = 100_000;

/** Adds `trace.overhead`, `trace.call` and `trace.span`. */
export async function measureTraceOverhead({ quick, seed }: RunOptions, report: Report): Promise<void> {
  report.note('trace: nearest with one request in a hundred recorded, and with none');
  const task: OverheadTask = { drivers: DRIVERS, seed, rounds: quick ? 200 : 1_000 };
  const { ratio, nanoseconds, recorded } = await runTask<OverheadResult>(
    benchScript('micro/tracing/overhead.js'),
    'trace.overhead',
    task,
  );
  report.add({ metric: 'trace.overhead', value: ratio, unit: 'ratio', possible: [0.01, 100] });
  report.add({ metric: 'trace.overhead.query', value: nanoseconds / 1000, unit: 'µs' });
  report.add({ metric: 'trace.overhead.recorded', value: recorded, unit: 'spans' });

  report.note('trace: calls of endpoints that do nothing');
  const calls: CallsTask = { rounds: quick ? 300 : 2_000 };
  const { call, span, clock } = await runTask<CallsResult>(benchScript('micro/tracing/calls.js'), 'trace.call', calls);
  report.add({ metric: 'trace.call', value: call, unit: 'ns' });
  report.add({ metric: 'trace.span', value: span, unit: 'ns', possible: [-1e3, 1e6] });
  report.add({ metric: 'trace.clock', value: clock, unit: 'ns' });
}
