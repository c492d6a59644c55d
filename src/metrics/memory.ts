// What /metrics says of the bound of the server's memory.

import { Gauge, type Registry } from 'prom-client';
import type { CounterTotals } from './counters.ts';

/** @param maxBytes as configured; 0 for no bound */
export function registerMemory(registry: Registry, totals: CounterTotals, maxBytes: number): void {
  new Gauge({
    name: 'raziel_memory_max_bytes',
    help: 'Resident memory that the process stays below; 0 when it has no bound.',
    registers: [registry],
  }).set(maxBytes);
  const pressure: Gauge = new Gauge({
    name: 'raziel_memory_pressure',
    help: 'How short of memory the server is: 0 not at all, 1 it refuses large requests, 2 it ends connections.',
    registers: [registry],
    collect() {
      let most = 0;
      for (let thread = 0; thread < totals.threads; thread++) {
        most = Math.max(most, totals.singleOf(thread, 'pressure'));
      }
      pressure.set(most);
    },
  });
}
