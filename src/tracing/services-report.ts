// What `GET /v1/services` answers: the endpoints of this server with exact statistics, and those of other hosts whose spans were received,
// estimated from what was sampled of them.

import type { Collector } from './collector.ts';
import type { LocalStatistics } from './local-statistics.ts';
import type { EndpointInfo } from './messages.ts';
import {
  type EndpointReport,
  type EndpointTotals,
  reportOf,
  StatisticsWindow,
  type TotalsByName,
} from './statistics.ts';

/** The window moves by this much, and is six times as long. */
export const WINDOW_STEP_MS = 10_000;
const WINDOW_STEPS = 6;

interface Reported {
  readonly name: string;
  /** Of the last minute. */
  readonly window: EndpointReport;
  /** Since the server was started. */
  readonly total: EndpointReport;
}

export interface ServicesReport {
  /** What `window` covers, a minute or less. */
  readonly windowSeconds: number;
  readonly services: readonly (Reported & {
    readonly service: string;
    readonly endpoint: string;
    readonly summary: string;
    readonly callable: boolean;
  })[];
  readonly hosts: readonly { readonly host: string; readonly endpoints: readonly Reported[] }[];
}

export class ServicesReporter {
  readonly #local: LocalStatistics;
  readonly #collector: Collector;
  readonly #localWindow = new StatisticsWindow(WINDOW_STEPS);
  readonly #remoteWindow = new StatisticsWindow(WINDOW_STEPS);
  readonly #startedMs = performance.now();
  #endpoints: readonly EndpointInfo[] = [];

  constructor(local: LocalStatistics, collector: Collector) {
    this.#local = local;
    this.#collector = collector;
    this.note();
  }

  set endpoints(endpoints: readonly EndpointInfo[]) {
    this.#endpoints = endpoints;
  }

  /** To be called every WINDOW_STEP_MS. */
  note(): void {
    const now = performance.now();
    this.#localWindow.note(this.#local.read(this.#endpoints), now);
    this.#remoteWindow.note(this.#collector.remote, now);
  }

  report(): ServicesReport {
    const now = performance.now();
    const local = this.#local.read(this.#endpoints);
    const reported = (name: string, totals: EndpointTotals, window: StatisticsWindow, key: string): Reported => {
      const recent = window.since(key, totals, now);
      return {
        name,
        window: reportOf(recent.totals, recent.seconds),
        total: reportOf(totals, (now - this.#startedMs) / 1000),
      };
    };
    const services = this.#endpoints.map(({ name, summary, isCallable }) => {
      const [service = '', endpoint = ''] = name.split('.');
      const totals = local.get(name) as EndpointTotals;
      return { service, endpoint, summary, callable: isCallable, ...reported(name, totals, this.#localWindow, name) };
    });
    return {
      windowSeconds: this.#localWindow.seconds(now),
      services,
      hosts: hostsOf(this.#collector.remote, reported, this.#remoteWindow),
    };
  }
}

function hostsOf(
  remote: TotalsByName,
  reported: (name: string, totals: EndpointTotals, window: StatisticsWindow, key: string) => Reported,
  window: StatisticsWindow,
): ServicesReport['hosts'] {
  const hosts = new Map<string, Reported[]>();
  for (const [key, totals] of remote) {
    const [host = '', name = ''] = key.split('\n');
    const endpoints = hosts.get(host) ?? [];
    endpoints.push(reported(name, totals, window, key));
    hosts.set(host, endpoints);
  }
  return [...hosts].map(([host, endpoints]) => ({ host, endpoints }));
}
