// The demo: a server, and beside it a fleet on a thread of its own that feeds it over WebSocket, as any feed would.

import { Worker } from 'node:worker_threads';
import type { FleetReport, FleetStart } from './messages.ts';

export interface RunningFleet {
  /** Rejects when the fleet's thread fails; never resolves. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

/** Starts the fleet's thread; `onReport` is called once a second. Needs the built JavaScript beside it. */
export function startFleet(start: FleetStart, onReport: (report: FleetReport) => void): RunningFleet {
  const worker = new Worker(new URL('./fleet-worker.js', import.meta.url), { workerData: start });
  worker.on('message', onReport);
  let isStopping = false;
  const failed = new Promise<never>((_, reject) => {
    worker.on('error', reject);
    worker.on('exit', (code) => {
      if (!isStopping) reject(new Error(`the fleet's thread ended with code ${code}`));
    });
  });
  // Whoever does not look is not to be ended by it.
  failed.catch(() => {});
  return {
    failed,
    async stop() {
      isStopping = true;
      await worker.terminate();
    },
  };
}
