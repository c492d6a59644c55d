// The statistics of this process's endpoints: what their wrappers counted in every thread, and, of those that are operations of the protocol,
// what the transports counted. The latter's histogram is coarse; it is spread evenly over the finer slots.

import { BUCKET_MICROS, CounterTotals, TRANSPORTS } from '../metrics/counters.ts';
import { EndpointStats } from '../metrics/endpoint-stats.ts';
import { LATENCY_BUCKETS, latencyBucket, latencyBucketStart } from '../metrics/latency.ts';
import type { EndpointInfo } from './messages.ts';
import type { SharedTracing } from './shared.ts';
import { newTotals, type TotalsByName } from './statistics.ts';
import { Strings } from './strings.ts';

/** Where durations past the last bound of the coarse histogram are taken to end. */
const LONGEST_MICROS = 4e6;

export class LocalStatistics {
  readonly #threads: readonly { readonly strings: Strings; readonly stats: EndpointStats }[];
  readonly #counters: CounterTotals;

  constructor(tracing: readonly SharedTracing[], counters: SharedArrayBuffer) {
    this.#threads = tracing.map(({ strings, stats }) => ({
      strings: new Strings(strings),
      stats: new EndpointStats(stats),
    }));
    this.#counters = new CounterTotals(counters);
  }

  read(endpoints: Iterable<EndpointInfo>): TotalsByName {
    const byName: TotalsByName = new Map();
    for (const { name } of endpoints) byName.set(name, newTotals());
    for (const { strings, stats } of this.#threads) {
      for (const row of stats.read()) {
        const totals = byName.get(strings.text(row.name));
        if (totals === undefined) continue;
        totals.errors += row.errors;
        totals.micros += row.micros;
        row.buckets.forEach((count, bucket) => {
          totals.calls += count;
          totals.buckets[bucket] = (totals.buckets[bucket] as number) + count;
        });
      }
    }
    for (const { name, countedAs } of endpoints) {
      const totals = byName.get(name);
      if (totals === undefined) continue;
      for (const op of countedAs) {
        for (const transport of TRANSPORTS) totals.calls += this.#counters.requests(op, transport);
        totals.micros += this.#counters.micros(op);
        this.#counters.buckets(op).forEach((count, coarse) => spread(totals.buckets, coarse, count));
      }
    }
    return byName;
  }
}

/** Counts of a coarse slot, evenly over its span of time. */
function spread(buckets: Float64Array, coarse: number, count: number): void {
  if (count === 0) return;
  const from = BUCKET_MICROS[coarse - 1] ?? 0;
  const to = BUCKET_MICROS[coarse] ?? LONGEST_MICROS;
  for (let bucket = latencyBucket(from); bucket < LATENCY_BUCKETS; bucket++) {
    const start = Math.max(from, latencyBucketStart(bucket));
    const end = Math.min(to, latencyBucketStart(bucket + 1));
    if (start >= to) return;
    buckets[bucket] = (buckets[bucket] as number) + (count * (end - start)) / (to - from);
  }
}
