// Metrics whose figures are kept elsewhere and looked up when they are asked for.

import { Counter, Gauge, type Metric, type Registry } from 'prom-client';

export function counter(
  registry: Registry,
  name: string,
  help: string,
  labelNames: string[],
  collect: (metric: Counter) => void,
): void {
  const metric: Counter = new Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    // The totals are kept elsewhere: each collection starts over.
    collect() {
      metric.reset();
      collect(metric);
    },
  });
}

export function gauge(
  registry: Registry,
  name: string,
  help: string,
  labelNames: string[],
  collect: (metric: Gauge) => void,
): void {
  const metric: Gauge = new Gauge({ name, help, labelNames, registers: [registry], collect: () => collect(metric) });
}

export interface Observed {
  readonly labels: Readonly<Record<string, string>>;
  /** Observations by bucket, not cumulative, the last for those above all bounds. */
  readonly buckets: readonly number[];
  readonly sum: number;
}

/** prom-client's Histogram takes single observations only, so this one is made of counted buckets. To be registered by the caller. */
export function histogram(
  name: string,
  help: string,
  bounds: readonly number[],
  collect: () => readonly Observed[],
): Metric {
  const get = async (): Promise<object> => ({
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    values: collect().flatMap(({ labels, buckets, sum }) => {
      const values: object[] = [];
      let count = 0;
      buckets.forEach((n, index) => {
        count += n;
        values.push({ labels: { ...labels, le: bounds[index] ?? '+Inf' }, value: count, metricName: `${name}_bucket` });
      });
      values.push({ labels, value: sum, metricName: `${name}_sum` });
      values.push({ labels, value: count, metricName: `${name}_count` });
      return values;
    }),
  });
  return { name, get, reset: () => {} } as unknown as Metric;
}
