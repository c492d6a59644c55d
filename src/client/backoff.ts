// How long to wait before the next attempt to connect: exponential with full jitter, so that a thousand clients of a server
// that restarts do not come back in step. After "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

export interface BackoffOptions {
  /** The first ceiling, milliseconds; doubles with each attempt that fails. Default 100. */
  baseMs?: number;
  /** The ceiling's own ceiling, milliseconds. Default 10,000. */
  maxMs?: number;
}

/** A delay in [0, min(maxMs, baseMs × 2^attempt)), attempt from 0; `random` gives [0, 1). */
export function backoffMs(attempt: number, options: BackoffOptions, random: () => number): number {
  const { baseMs = 100, maxMs = 10_000 } = options;
  // 2 ** 1024 is Infinity, and min() makes that maxMs, so an attempt's number needs no bound.
  return random() * Math.min(maxMs, baseMs * 2 ** attempt);
}
