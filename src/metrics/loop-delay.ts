// How late this thread's event loop runs, sampled into its counters once a second.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Counters } from './counters.ts';

const SAMPLE_MS = 20;
const PUBLISH_MS = 1_000;

export class LoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: SAMPLE_MS });
  readonly #timer: NodeJS.Timeout;

  constructor(counters: Counters) {
    this.#histogram.enable();
    this.#timer = setInterval(() => {
      counters.set('loopDelayP99Seconds', delaySeconds(this.#histogram.percentile(99)));
      counters.set('loopDelayMaxSeconds', delaySeconds(this.#histogram.max));
      this.#histogram.reset();
    }, PUBLISH_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#histogram.disable();
  }
}

/** The histogram measures the interval between samples, of which the resolution is no delay. */
function delaySeconds(nanos: number): number {
  return Math.max(0, nanos / 1e9 - SAMPLE_MS / 1e3);
}
