// How many ids a millisecond one thread makes, one by one and in runs of 1,000, with the server's clock. Runs as a task of its own process:
// {rounds} → ids a millisecond, by round. Ids that are refused, because they were too far ahead of the clock, do not count.

import { nowMs } from '#dist/clock.js';
import { allocateIds, IdGenerator } from '#dist/ids/generator.js';
import { ID_EPOCH_MS_DEFAULT } from '#dist/ids/layout.js';
import { answerTask } from '../../lib/processes.ts';

export interface MakeIdsTask {
  readonly rounds: number;
}

export interface MakeIdsResult {
  readonly single: readonly number[];
  readonly run: readonly number[];
}

/** Short enough to stay within the ids of the seconds that may be ahead of the clock. */
const ROUND_MS = 200;
const RUN = 1_000;

await answerTask(({ rounds }: MakeIdsTask): MakeIdsResult => {
  const measure = (work: (ids: IdGenerator) => number): number[] => {
    const perMs: number[] = [];
    // The first one warms up.
    for (let round = 0; round <= rounds; round++) {
      const ids = new IdGenerator(allocateIds(), 0, ID_EPOCH_MS_DEFAULT, nowMs);
      const startedAt = performance.now();
      let made = 0;
      while (performance.now() - startedAt < ROUND_MS) made += work(ids);
      if (round > 0) perMs.push(made / (performance.now() - startedAt));
    }
    return perMs;
  };
  const single = measure((ids) => {
    let made = 0;
    for (let i = 0; i < RUN; i++) if (ids.tryNext() !== undefined) made++;
    return made;
  });
  return { single, run: measure((ids) => ids.take(RUN).length) };
});
