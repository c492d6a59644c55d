// How much a token may ask in a second, over all serving threads: a leaky bucket in eight bytes of shared memory.
//
// The bucket is kept as a moment, the one at which all that was taken so far is paid off at the token's rate (ITU-T I.371's "virtual
// scheduling", also known as GCRA): taking moves it on, and time passes by itself. One compare-and-exchange takes, from any thread.

const NANOS = 1_000_000_000n;
/** 115 days: however large a batch and small a rate, moments stay far within 64 bits. */
const NANOS_OWED_MAX = 1e16;

export interface RateLimit {
  /** Over 0. */
  readonly perSecond: number;
  /** One BigInt64: the moment in nanoseconds of the system's monotonic clock, which all threads share. */
  readonly bucket: SharedArrayBuffer;
}

export function newBucket(): SharedArrayBuffer {
  return new SharedArrayBuffer(8);
}

/**
 * Takes `cost`, or nothing. A second's worth may be taken at once, and always one request; a request that costs more than that is let in
 * when nothing is owed, and those after it wait until it is paid off: no batch is too large for ever.
 * @returns 0, or the milliseconds after which the same would be let in
 */
export function take({ perSecond, bucket }: RateLimit, cost: number, nowNanos = process.hrtime.bigint()): number {
  const moments = new BigInt64Array(bucket);
  for (;;) {
    const paidAt = Atomics.load(moments, 0);
    const waitMs = waitFor(perSecond, cost, paidAt, nowNanos);
    if (waitMs > 0) return waitMs;
    const next = (paidAt > nowNanos ? paidAt : nowNanos) + nanosOf(perSecond, cost);
    if (Atomics.compareExchange(moments, 0, paidAt, next) === paidAt) return 0;
  }
}

/** What `take` would return, without taking. */
export function ask({ perSecond, bucket }: RateLimit, cost: number, nowNanos = process.hrtime.bigint()): number {
  return waitFor(perSecond, cost, Atomics.load(new BigInt64Array(bucket), 0), nowNanos);
}

function waitFor(perSecond: number, cost: number, paidAt: bigint, nowNanos: bigint): number {
  const owed = paidAt - nowNanos;
  if (owed <= 0n) return 0;
  const one = nanosOf(perSecond, 1);
  const excess = owed + nanosOf(perSecond, cost) - (one > NANOS ? one : NANOS);
  if (excess <= 0n) return 0;
  return Math.max(1, Number(excess < owed ? excess : owed) / 1e6);
}

function nanosOf(perSecond: number, cost: number): bigint {
  return BigInt(Math.min(NANOS_OWED_MAX, Math.ceil((cost / perSecond) * Number(NANOS))));
}
