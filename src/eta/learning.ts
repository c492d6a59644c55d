// The learner of travel times as the main thread sees it: the memory that it writes, and a thread of its own that is started and stopped. Only the
// native engine can be watched from another thread; with the portable one travel times stay what they were before anything was learned.

import type { MessagePort } from 'node:worker_threads';
import { sharedClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { startWorker } from '../watched-worker.ts';
import { allocateTraffic } from './traffic.ts';
import type { LearningWorkerData } from './worker.ts';

/** It may be in the middle of a round, which nobody waits for. */
const ENDING_MS = 500;

export interface Learning {
  /** Of allocateTraffic. */
  readonly traffic: SharedArrayBuffer;
  stop(): Promise<void>;
}

/** @param storage a port to the storage thread, if there is one */
export function startLearning(
  config: Config,
  handle: number | undefined,
  storage: MessagePort | undefined,
  onFailure: (error: Error) => void,
): Learning {
  const traffic = allocateTraffic();
  if (handle === undefined) {
    storage?.close();
    return { traffic, stop: () => Promise.resolve() };
  }
  const workerData: LearningWorkerData = { config, handle, traffic, clock: sharedClock(), storage };
  const transferList = storage === undefined ? [] : [storage];
  const thread = startWorker(
    new URL('./worker.js', import.meta.url),
    { workerData, transferList, name: 'raziel eta' },
    'the thread that learns travel times',
    onFailure,
  );
  return { traffic, stop: () => thread.stop('stop', ENDING_MS) };
}
