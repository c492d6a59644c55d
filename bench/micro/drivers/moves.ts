// How many fixes a second one thread applies: batches of 100 MessagePack rows of drivers in random order, each of which has moved by tens of
// metres. Writing the batches is not timed. Runs as a task of its own process: {drivers, seed, laps} → fixes a second, by lap.

import { answerTask } from '../../lib/processes.ts';
import { Fleet, openEngine } from './setup.ts';

export interface MovesTask {
  readonly drivers: number;
  readonly seed: number;
  readonly laps: number;
}

await answerTask(({ drivers, seed, laps }: MovesTask): number[] => {
  const fleet = new Fleet(drivers, seed);
  const engine = openEngine();
  fleet.load(engine);
  const perSecond: number[] = [];
  // The first one warms up.
  for (let lap = 0; lap <= laps; lap++) {
    fleet.drive();
    const seconds = fleet.apply(engine);
    if (lap > 0) perSecond.push(drivers / seconds);
  }
  engine.close();
  return perSecond;
});
