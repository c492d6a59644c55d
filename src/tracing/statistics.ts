// What endpoints have done, in all and in the last minute: counts by name, and copies of them from a while ago to subtract.

import { LATENCY_BUCKETS, latencyBucket, latencyQuantile } from '../metrics/latency.ts';

/** Everything counted of one endpoint since the beginning. */
export interface EndpointTotals {
  calls: number;
  errors: number;
  micros: number;
  /** By slot of latency.ts; may sum up to less than `calls`. */
  buckets: Float64Array;
}

export type TotalsByName = Map<string, EndpointTotals>;

/** One endpoint's statistics, as answered. Quantiles are null as long as there are no calls. */
export interface EndpointReport {
  readonly calls: number;
  readonly perSecond: number;
  readonly errors: number;
  readonly meanMicros: number | null;
  readonly p50Micros: number | null;
  readonly p95Micros: number | null;
  readonly p99Micros: number | null;
}

export function newTotals(): EndpointTotals {
  return { calls: 0, errors: 0, micros: 0, buckets: new Float64Array(LATENCY_BUCKETS) };
}

/** Counts calls. @param weight how many */
export function countCall(totals: EndpointTotals, micros: number, isError: boolean, weight: number): void {
  totals.calls += weight;
  totals.micros += micros * weight;
  if (isError) totals.errors += weight;
  const bucket = latencyBucket(micros);
  totals.buckets[bucket] = (totals.buckets[bucket] as number) + weight;
}

export function reportOf(totals: EndpointTotals, seconds: number): EndpointReport {
  const { calls, errors, micros, buckets } = totals;
  const quantile = (share: number): number | null => latencyQuantile(buckets, share) ?? null;
  return {
    calls: Math.round(calls),
    perSecond: seconds > 0 ? calls / seconds : 0,
    errors: Math.round(errors),
    meanMicros: calls > 0 ? micros / calls : null,
    p50Micros: quantile(0.5),
    p95Micros: quantile(0.95),
    p99Micros: quantile(0.99),
  };
}

interface Copy {
  readonly atMs: number;
  readonly totals: TotalsByName;
}

/** Copies of the totals, the oldest about a minute old. */
export class StatisticsWindow {
  readonly #copies: Copy[] = [];
  readonly #copiesMax: number;

  /** @param copiesMax as many calls of `note` ago the window begins */
  constructor(copiesMax: number) {
    this.#copiesMax = copiesMax;
  }

  /** To be called at even intervals, the first time at the beginning. */
  note(totals: TotalsByName, nowMs: number): void {
    const copied = new Map([...totals].map(([name, of]) => [name, { ...of, buckets: of.buckets.slice() }]));
    this.#copies.push({ atMs: nowMs, totals: copied });
    if (this.#copies.length > this.#copiesMax) this.#copies.shift();
  }

  /** How long the window is. */
  seconds(nowMs: number): number {
    const [oldest] = this.#copies;
    return oldest === undefined ? 0 : (nowMs - oldest.atMs) / 1000;
  }

  /** What was counted since the window began, and how many seconds that is. */
  since(
    name: string,
    totals: EndpointTotals,
    nowMs: number,
  ): { readonly totals: EndpointTotals; readonly seconds: number } {
    const [oldest] = this.#copies;
    const seconds = this.seconds(nowMs);
    const before = oldest?.totals.get(name);
    if (before === undefined) return { totals, seconds };
    return {
      seconds,
      totals: {
        calls: totals.calls - before.calls,
        errors: totals.errors - before.errors,
        micros: totals.micros - before.micros,
        buckets: totals.buckets.map((count, i) => count - (before.buckets[i] as number)),
      },
    };
  }
}
