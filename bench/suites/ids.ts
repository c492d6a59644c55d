// Ids, made in-process by one thread.

import { benchScript } from '../lib/paths.ts';
import { runTask } from '../lib/processes.ts';
import { median } from '../lib/statistics.ts';
import type { Suite } from '../lib/suite.ts';
import type { MakeIdsResult, MakeIdsTask } from '../micro/ids/make.ts';

export const idsSuite: Suite = {
  name: 'ids',
  description: 'ids a millisecond of one thread, one by one and in runs',
  async run({ quick }, report) {
    report.note('ids');
    const task: MakeIdsTask = { rounds: quick ? 3 : 9 };
    const { single, run } = await runTask<MakeIdsResult>(benchScript('micro/ids/make.js'), 'ids.single', task);
    report.add({ metric: 'ids.single', value: median(single), unit: 'ids/ms', possible: [1, 1e6] });
    report.add({ metric: 'ids.run', value: median(run), unit: 'ids/ms', possible: [1, 1e7] });
  },
};
