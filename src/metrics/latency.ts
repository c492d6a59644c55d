// A histogram of durations, bounded in size and in relative error, as HdrHistogram has it: each doubling is cut into SUB_BUCKETS equal parts.
// From 1/8 µs to 67 s in 416 slots; the middle of a slot is within 1/32 of what it counts, or 1/16 µs. What is outside counts at the ends.

const SUB_BUCKET_BITS = 4;
const SUB_BUCKETS = 1 << SUB_BUCKET_BITS;
/** Durations are counted in eighths of a microsecond. */
const UNITS_PER_MICRO = 8;
const DOUBLINGS = 26;

export const LATENCY_BUCKETS = SUB_BUCKETS * DOUBLINGS;
const UNITS_MAX = 2 ** (DOUBLINGS + SUB_BUCKET_BITS - 1) - 1;

/** The slot that counts a duration. */
export function latencyBucket(micros: number): number {
  const scaled = micros * UNITS_PER_MICRO;
  // Also for NaN and what is negative.
  if (!(scaled >= 1)) return 0;
  const units = scaled >= UNITS_MAX ? UNITS_MAX : scaled | 0;
  // Below 2 × SUB_BUCKETS the slots are single units; each doubling above has SUB_BUCKETS slots.
  const shift = 31 - SUB_BUCKET_BITS - Math.clz32(units);
  return shift <= 0 ? units : shift * SUB_BUCKETS + (units >> shift);
}

/** The smallest duration of a slot, in microseconds; the slot ends where the next begins. */
export function latencyBucketStart(bucket: number): number {
  const shift = Math.max(0, (bucket >> SUB_BUCKET_BITS) - 1);
  return ((bucket - shift * SUB_BUCKETS) * 2 ** shift) / UNITS_PER_MICRO;
}

/**
 * The duration that a share of all is at or below, in microseconds; the middle of its slot. Undefined for a histogram of nothing.
 * @param buckets counts by slot @param share 0..1
 */
export function latencyQuantile(buckets: ArrayLike<number>, share: number): number | undefined {
  let total = 0;
  for (let i = 0; i < LATENCY_BUCKETS; i++) total += buckets[i] as number;
  if (total <= 0) return undefined;
  let left = share * total;
  for (let i = 0; i < LATENCY_BUCKETS; i++) {
    left -= buckets[i] as number;
    if (left <= 0 && (buckets[i] as number) > 0) return (latencyBucketStart(i) + latencyBucketStart(i + 1)) / 2;
  }
  return latencyBucketStart(LATENCY_BUCKETS - 1);
}
