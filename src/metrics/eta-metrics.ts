// Of a travel-time service outside: what serving threads count, and what /metrics says of it. All 0 without one.

import type { Registry } from 'prom-client';
import type { EtaObserver, EtaOutcome } from '../eta/http/remote-times.ts';
import type { Counters, CounterTotals, Single } from './counters.ts';
import { counter, gauge } from './families.ts';

const OUTCOMES = {
  answered: 'etaAnswered',
  partial: 'etaPartial',
  late: 'etaLate',
  unreachable: 'etaUnreachable',
  bad_status: 'etaBadStatus',
  refused: 'etaRefused',
  invalid: 'etaInvalid',
  busy: 'etaBusy',
  breaker_open: 'etaBreakerOpen',
} as const satisfies Record<EtaOutcome, Single>;

export function etaObserver(counters: Counters): EtaObserver {
  return {
    searched: (outcome) => counters.add(OUTCOMES[outcome], 1),
    waiting: (change) => counters.add('etaWaiting', change),
    breaker(isOpen) {
      counters.set('etaLeftAlone', isOpen ? 1 : 0);
      if (isOpen) counters.add('etaBreakerOpened', 1);
    },
  };
}

export function registerEta(registry: Registry, totals: CounterTotals): void {
  const searches =
    'Searches for a travel-time service, by what came of it: answered or partial, else why the default answered.';
  counter(registry, 'raziel_eta_searches_total', searches, ['outcome'], (metric) => {
    for (const [outcome, single] of Object.entries(OUTCOMES)) metric.inc({ outcome }, totals.single(single));
  });
  gauge(registry, 'raziel_eta_searches_waiting', 'Searches that wait for a travel-time service.', [], (metric) =>
    metric.set(totals.single('etaWaiting')),
  );
  const opened = 'How often a serving thread began to leave a travel-time service that failed alone.';
  counter(registry, 'raziel_eta_breaker_opened_total', opened, [], (metric) =>
    metric.inc(totals.single('etaBreakerOpened')),
  );
  const open = '1 while a serving thread leaves its travel-time service alone.';
  gauge(registry, 'raziel_eta_breaker_open', open, ['thread'], (metric) => {
    for (let thread = 0; thread < totals.threads; thread++) {
      metric.set({ thread }, totals.singleOf(thread, 'etaLeftAlone'));
    }
  });
}
