// The engine by itself, called in-process by one thread; each measurement in a fresh process.

import { benchScript } from '../lib/paths.ts';
import { runTask } from '../lib/processes.ts';
import { median } from '../lib/statistics.ts';
import type { Suite } from '../lib/suite.ts';
import type { MemoryResult, MemoryTask } from '../micro/drivers/memory.ts';
import type { MovesTask } from '../micro/drivers/moves.ts';
import type { NearestResult, NearestTask } from '../micro/drivers/nearest.ts';

const DRIVERS = 1_000_000;
const DRIVERS_FEW = 10_000;

export const engineSuite: Suite = {
  name: 'engine',
  description: 'moves, searches and memory of the native engine, without a server',
  async run({ quick, seed }, report) {
    report.note('engine: moves');
    const laps = quick ? 3 : 9;
    const moves = await runTask<number[]>(benchScript('micro/drivers/moves.js'), 'engine.moves', {
      drivers: DRIVERS,
      seed,
      laps,
    } satisfies MovesTask);
    report.add({ metric: 'engine.moves', value: median(moves), unit: 'fixes/s', possible: [1e3, 1e9] });
    report.add({ metric: 'engine.moves.slowest', value: Math.min(...moves), unit: 'fixes/s' });

    report.note('engine: nearest among many, and among few');
    const rounds = quick ? 3 : 5;
    const measure = (drivers: number): Promise<NearestResult> =>
      runTask(benchScript('micro/drivers/nearest.js'), 'engine.nearest10', {
        drivers,
        seed,
        queries: quick ? 20_000 : 100_000,
        rounds,
      } satisfies NearestTask);
    const many = await measure(DRIVERS);
    const few = await measure(DRIVERS_FEW);
    const unit = 'µs';
    const possible = [0.05, 1e6] as const;
    report.add({ metric: 'engine.nearest10.p50', value: many.search.p50, unit, possible });
    report.add({ metric: 'engine.nearest10.p99', value: many.search.p99, unit, possible });
    report.add({ metric: 'engine.nearest10.p999', value: many.search.p999, unit, possible });
    report.add({ metric: 'engine.nearest10.growth', value: many.search.p50 / few.search.p50, unit: 'ratio' });
    report.add({ metric: 'engine.nearest10.few.p50', value: few.search.p50, unit, possible });
    report.add({ metric: 'engine.frame10.p50', value: many.frame.p50, unit, possible });
    report.add({ metric: 'engine.frame10.p99', value: many.frame.p99, unit, possible });
    report.add({ metric: 'engine.nearest10.replyBytes', value: many.replyBytes, unit: 'bytes' });
    report.add({ metric: 'engine.clock', value: many.clock, unit, possible: [0, 100] });

    report.note('engine: memory');
    const task: MemoryTask = { drivers: DRIVERS, seed };
    const memory = await runTask<MemoryResult>(benchScript('micro/drivers/memory.js'), 'engine.bytesPerDriver', task, [
      '--expose-gc',
    ]);
    report.add({ metric: 'engine.bytesPerDriver', value: memory.resident, unit: 'bytes', possible: [16, 1e5] });
    report.add({ metric: 'engine.bytesPerDriver.ofIndex', value: memory.index, unit: 'bytes', possible: [16, 1e5] });
  },
};
