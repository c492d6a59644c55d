// Metrics whose figures are kept elsewhere and looked up when they are asked for.

import { Counter, Gauge, type Registry } from 'prom-client';

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
