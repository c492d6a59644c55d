// Travel times of a service outside, with the default behind it: one request a search, within a deadline that covers all of it. The default
// answers what the service does not: when it is late or fails, when too many searches wait for it, while the breaker is open, and for
// single drivers that it knows no way for. A search waits for the deadline at most, and never longer.

import { RazielError } from '../../errors.ts';
import {
  ETA_ANSWER_BYTES_BASE,
  ETA_ANSWER_BYTES_PER_DRIVER,
  ETA_ASKED_MAX,
  ETA_CANDIDATES_WAITING_MAX,
  ETA_FAILING_MS,
  ETA_FAILURES_MAX,
  ETA_LATE_MS_MAX,
  ETA_LEFT_ALONE_MS,
  ETA_SEARCHES_WAITING_MAX,
} from '../../limits.ts';
import type { Endpoint } from '../../services/endpoint.ts';
import type { Services } from '../../services/services.ts';
import { type Call, deadlineExceeded } from '../../tracing/call.ts';
import type { Estimate, EtaSource, LearnedTimes, Origins, TravelTimes } from '../travel-times.ts';
import { Breaker } from './breaker.ts';
import { EtaFault, Exchange, type ExchangeAnswer, type Fault } from './exchange.ts';
import { osrm } from './osrm.ts';
import type { EtaRequest, RoutingProtocol } from './protocol.ts';
import type { EtaService } from './service-url.ts';
import { valhalla } from './valhalla.ts';

/** What came of a search that was to be asked of the service. */
export type EtaOutcome =
  /** It knew a time for every driver, or for some. */
  | 'answered'
  | 'partial'
  /** The default answered. */
  | Fault
  /** Too many searches wait for it. */
  | 'busy'
  | 'breaker_open';

/** What is counted. */
export interface EtaObserver {
  searched(outcome: EtaOutcome): void;
  /** Searches that wait for it. */
  waiting(change: 1 | -1): void;
  breaker(isOpen: boolean): void;
}

export interface RemoteOptions {
  readonly service: EtaService;
  readonly learned: LearnedTimes;
  readonly deadlineMs: number;
  readonly connectionsMax: number;
  readonly observer: EtaObserver;
  /** Told, once a minute at most, that the service is left alone and why. */
  readonly report: (message: string) => void;
}

const REPORT_MS = 60_000;

interface Asked {
  readonly request: EtaRequest;
  readonly count: number;
}

export class RemoteTimes implements TravelTimes {
  readonly #options: RemoteOptions;
  readonly #protocol: RoutingProtocol;
  readonly #exchange: Exchange;
  readonly #breaker: Breaker;
  readonly #endpoint: Endpoint<Asked, Promise<readonly (number | null)[]>>;
  #reportedAtMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;
  #searchesWaiting = 0;
  #candidatesWaiting = 0;

  constructor(options: RemoteOptions, services: Services) {
    this.#options = options;
    const { kind, url } = options.service;
    this.#protocol = kind === 'osrm' ? osrm(url.pathname) : valhalla(url.pathname);
    this.#exchange = new Exchange(url, options.connectionsMax, ETA_LATE_MS_MAX);
    this.#breaker = new Breaker(ETA_FAILURES_MAX, ETA_FAILING_MS, ETA_LEFT_ALONE_MS, (isOpen) =>
      options.observer.breaker(isOpen),
    );
    this.#endpoint = services.register({
      name: `eta.${kind}`,
      summary: 'Asks the travel-time service outside.',
      handle: (asked, call) => this.#exchangeOnce(asked, call),
    });
  }

  estimate(
    from: Origins,
    lat: number,
    lon: number,
    nowMs: number,
    seconds: Float64Array,
    call: Call,
  ): EtaSource | Promise<Estimate> {
    const { learned, observer } = this.#options;
    const byDefault = (): 'learned' => learned.estimate(from, lat, lon, nowMs, seconds);
    if (from.count === 0 || this.#isClosed) return byDefault();
    if (
      this.#searchesWaiting >= ETA_SEARCHES_WAITING_MAX ||
      this.#candidatesWaiting + from.count > ETA_CANDIDATES_WAITING_MAX
    ) {
      observer.searched('busy');
      return byDefault();
    }
    const ticket = this.#breaker.enter(performance.now());
    if (ticket === undefined) {
      observer.searched('breaker_open');
      return byDefault();
    }
    return this.#ask(from, lat, lon, seconds, call, ticket, byDefault);
  }

  /** Ends all connections. The default answers what waits for them, in the same turn of the event loop, and whatever comes later at once. */
  close(): void {
    this.#isClosed = true;
    this.#exchange.close();
  }

  async #ask(
    from: Origins,
    lat: number,
    lon: number,
    seconds: Float64Array,
    call: Call,
    ticket: number,
    byDefault: () => 'learned',
  ): Promise<Estimate> {
    const { observer } = this.#options;
    const { count } = from;
    this.#searchesWaiting++;
    this.#candidatesWaiting += count;
    observer.waiting(1);
    try {
      const rows = nearestRows(from, ETA_ASKED_MAX);
      const request = this.#protocol.request(from, rows, lat, lon);
      const times = await this.#endpoint.run({ request, count: rows.length }, call);
      this.#breaker.succeeded(ticket);
      // For those that the service has no time for.
      byDefault();
      const unanswered = new Uint8Array(count).fill(1);
      let answered = 0;
      for (let i = 0; i < rows.length; i++) {
        const time = times[i];
        if (time === null || time === undefined) continue;
        const row = rows[i] as number;
        seconds[row] = time;
        unanswered[row] = 0;
        answered++;
      }
      observer.searched(answered === count ? 'answered' : 'partial');
      if (answered === 0) return { source: 'learned' };
      return answered === count ? { source: this.#protocol.name } : { source: this.#protocol.name, unanswered };
    } catch (error) {
      const fault = faultOf(error);
      if (fault === 'refused') this.#breaker.succeeded(ticket);
      else this.#failed(ticket, fault, error as Error);
      observer.searched(fault);
      return { source: byDefault() };
    } finally {
      this.#searchesWaiting--;
      this.#candidatesWaiting -= count;
      observer.waiting(-1);
    }
  }

  #failed(ticket: number, fault: Fault, { message }: Error): void {
    const now = performance.now();
    if (!this.#breaker.failed(ticket, now) || now - this.#reportedAtMs < REPORT_MS) return;
    this.#reportedAtMs = now;
    const { kind, url } = this.#options.service;
    this.#options.report(
      `travel times of ${kind} at ${url.href} fail (${fault}: ${message}); those that were learned are answered until it is well again`,
    );
  }

  /** @throws (rejects with) RazielError DEADLINE_EXCEEDED and ETA_UNAVAILABLE, whose cause is an EtaFault */
  async #exchangeOnce({ request, count }: Asked, call: Call): Promise<readonly (number | null)[]> {
    const withinMs = Math.min(this.#options.deadlineMs, call.remainingMs);
    try {
      const bytesMax = ETA_ANSWER_BYTES_BASE + count * ETA_ANSWER_BYTES_PER_DRIVER;
      return this.#read(await this.#exchange.ask(request, withinMs, bytesMax), count);
    } catch (error) {
      const { fault, message } = error as EtaFault;
      const told = fault === 'late' ? deadlineExceeded() : new RazielError('ETA_UNAVAILABLE', message);
      told.cause = error;
      throw told;
    }
  }

  #read({ status, text }: ExchangeAnswer, count: number): readonly (number | null)[] {
    let answer: unknown;
    try {
      answer = JSON.parse(text);
    } catch {
      throw new EtaFault(status === 200 ? 'invalid' : 'bad_status', `status ${status}, and no JSON`);
    }
    if (status === 400 && this.#protocol.isRefusal(answer)) throw new EtaFault('refused', text.slice(0, 200));
    if (status !== 200) throw new EtaFault('bad_status', `status ${status}`);
    const times = this.#protocol.read(answer, count);
    if (times === undefined) throw new EtaFault('invalid', `no answer of ${this.#protocol.name} for ${count} drivers`);
    return times;
  }
}

/** What happened to a request; `late` for one that its caller's deadline left no time for. */
function faultOf(error: unknown): Fault {
  const { cause } = error as RazielError;
  return cause instanceof EtaFault ? cause.fault : 'late';
}

/** All rows, or the nearest of very many. */
function nearestRows(from: Origins, max: number): Int32Array {
  const rows = Int32Array.from({ length: from.count }, (_, row) => row);
  if (rows.length <= max) return rows;
  return rows.sort((a, b) => from.distance(a) - from.distance(b)).slice(0, max);
}
