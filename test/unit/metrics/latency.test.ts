import { describe, expect, it } from 'vitest';
import { LATENCY_BUCKETS, latencyBucket, latencyBucketStart, latencyQuantile } from '../../../src/metrics/latency.ts';

describe('the histogram of durations', () => {
  it('counts each duration between the beginnings of its slot and the next', () => {
    for (let micros = 0.125; micros < 6e7; micros *= 1.003) {
      const bucket = latencyBucket(micros);
      expect(bucket).toBeGreaterThan(0);
      expect(bucket).toBeLessThan(LATENCY_BUCKETS);
      expect(micros).toBeGreaterThanOrEqual(latencyBucketStart(bucket));
      expect(micros).toBeLessThan(latencyBucketStart(bucket + 1));
      const width = latencyBucketStart(bucket + 1) - latencyBucketStart(bucket);
      expect(width).toBeLessThanOrEqual(Math.max(0.125, micros / 16));
    }
  });

  it.each([
    [0, 0],
    [-1, 0],
    [Number.NaN, 0],
    [1e12, LATENCY_BUCKETS - 1],
    [Number.POSITIVE_INFINITY, LATENCY_BUCKETS - 1],
  ])('counts %d in slot %i', (micros, bucket) => {
    expect(latencyBucket(micros)).toBe(bucket);
  });

  it('tells quantiles within a thirty-second of the true ones', () => {
    const buckets = new Float64Array(LATENCY_BUCKETS);
    for (let micros = 1; micros <= 10_000; micros++)
      buckets[latencyBucket(micros)] = (buckets[latencyBucket(micros)] as number) + 1;
    for (const share of [0.01, 0.5, 0.95, 0.99, 0.999]) {
      const told = latencyQuantile(buckets, share) as number;
      expect(Math.abs(told - share * 10_000)).toBeLessThanOrEqual((share * 10_000) / 31);
    }
  });

  it('has no quantiles of nothing', () => {
    expect(latencyQuantile(new Float64Array(LATENCY_BUCKETS), 0.5)).toBeUndefined();
  });
});
