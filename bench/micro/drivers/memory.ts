// How much resident memory a driver takes: what the process grew by from before the engine was opened until every driver is in it and has
// moved twice, all in random order. Whatever else needs memory has it before the first reading, and a small engine has been used
// by then, so that the code is warm. Runs as a task of its own process, with --expose-gc: {drivers, seed} → bytes a driver.

import { answerTask } from '../../lib/processes.ts';
import { Fleet, openEngine } from './setup.ts';

export interface MemoryTask {
  readonly drivers: number;
  readonly seed: number;
}

export interface MemoryResult {
  readonly resident: number;
  /** What the index itself says it has asked for. */
  readonly index: number;
}

const LAPS = 2;

await answerTask(({ drivers, seed }: MemoryTask): MemoryResult => {
  const small = new Fleet(10_000, seed);
  const engineBefore = openEngine();
  small.load(engineBefore);
  engineBefore.close();

  const fleet = new Fleet(drivers, seed);
  fleet.drive();
  const before = residentBytes();
  const engine = openEngine();
  fleet.apply(engine);
  for (let lap = 0; lap < LAPS; lap++) {
    fleet.drive();
    fleet.apply(engine);
  }
  const result = { resident: (residentBytes() - before) / drivers, index: engine.stats().bytes / drivers };
  engine.close();
  return result;
});

function residentBytes(): number {
  if (globalThis.gc === undefined) throw new Error('this task needs --expose-gc');
  for (let i = 0; i < 3; i++) globalThis.gc();
  return process.memoryUsage.rss();
}
