// nearest-driver.search: in-process, all its steps.

import { benchScript } from '../lib/paths.ts';
import { runTask } from '../lib/processes.ts';
import type { Suite } from '../lib/suite.ts';
import type { PipelineResult, PipelineTask } from '../micro/nearest/pipeline.ts';

const DRIVERS = 1_000_000;

export const nearestSuite: Suite = {
  name: 'nearest',
  description: 'nearest-driver.search: zones, searches, travel times and ranking, without a server',
  async run({ quick, seed }, report) {
    report.note('nearest: the pipeline');
    const task: PipelineTask = { drivers: DRIVERS, seed, queries: quick ? 5_000 : 50_000, rounds: quick ? 3 : 5 };
    const { p50, p99, replyBytes } = await runTask<PipelineResult>(
      benchScript('micro/nearest/pipeline.js'),
      'nearest.pipeline',
      task,
    );
    const unit = 'µs';
    const possible = [0.5, 1e6] as const;
    report.add({ metric: 'nearest.pipeline.p50', value: p50, unit, possible });
    report.add({ metric: 'nearest.pipeline.p99', value: p99, unit, possible });
    report.add({ metric: 'nearest.pipeline.replyBytes', value: replyBytes, unit: 'bytes', possible: [500, 1e5] });
  },
};
