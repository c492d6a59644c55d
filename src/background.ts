// Threads that do something beside the serving let the serving go first: on a machine, or on the cores that the process is confined to, with
// nothing to spare they get what the serving threads leave, and a request does not wait for milliseconds of a learner's round.
//
//   giveWay(NOBODY_WAITS);   // at the top of a worker

import { getPriority, setPriority } from 'node:os';

/** For work that nobody waits for: a sixtieth of a serving thread's share of a core that both want (a nice value). */
export const NOBODY_WAITS = 19;
/** For answers that somebody waits for, but that may take seconds: a tenth of that share. */
export const SOMEBODY_WAITS = 10;

const NICE_MAX = 19;

/**
 * Lowers the priority of the calling thread, for good.
 * @param nice NOBODY_WAITS or SOMEBODY_WAITS
 */
export function giveWay(nice: number): void {
  // Only there do threads have priorities of their own; elsewhere it would be the whole process's.
  if (process.platform !== 'linux') return;
  try {
    setPriority(0, Math.min(NICE_MAX, getPriority(0) + nice));
  } catch {
    // Where a sandbox forbids it, threads are as equal as before.
  }
}
