// A worker thread of the server, from its start to its end: whoever starts one is told when it ends without having been asked to, and can
// have it end within a time.

import { Worker, type WorkerOptions } from 'node:worker_threads';

export interface WatchedWorker {
  readonly worker: Worker;
  /** Resolves when it has ended, however. */
  readonly ended: Promise<void>;
  /** What it threw, if it ended so. */
  readonly cause: unknown;
  /** From now on its end is no failure. */
  expectEnd(): void;
  /**
   * Asks it to end; resolves when it has.
   * @param ms after which it is terminated; without, it takes its time
   */
  stop(message: unknown, ms?: number): Promise<void>;
}

/**
 * @param title for messages: "the storage thread"
 * @param onFailure told once when it ends unexpectedly, with what it threw as the cause
 */
export function startWorker(
  script: URL,
  options: WorkerOptions,
  title: string,
  onFailure: (error: Error) => void,
): WatchedWorker {
  const worker = new Worker(script, options);
  let isEndExpected = false;
  let cause: unknown;
  worker.on('error', (error) => {
    cause = error;
  });
  const ended = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      resolve();
      if (!isEndExpected) onFailure(new Error(`${title} ended unexpectedly`, { cause }));
    });
  });
  return {
    worker,
    ended,
    get cause() {
      return cause;
    },
    expectEnd() {
      isEndExpected = true;
    },
    async stop(message, ms) {
      isEndExpected = true;
      worker.postMessage(message);
      const timer = ms === undefined ? undefined : setTimeout(() => void worker.terminate(), ms);
      await ended;
      clearTimeout(timer);
    },
  };
}
