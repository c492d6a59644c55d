// A circuit breaker: a service that failed several times in a row is left alone for a while, and then asked once; with that answer it is
// asked as before, without it left alone again.
//
//   const ticket = breaker.enter(performance.now());        // undefined: not to be asked now
//   breaker.succeeded(ticket);  or  breaker.failed(ticket, performance.now());
//
// A ticket is of the time when it was taken: how a request ends that was sent before the breaker opened says nothing any more.

/** Told of every change. */
export type BreakerWatch = (isOpen: boolean) => void;

export class Breaker {
  readonly #failuresMax: number;
  readonly #openMs: number;
  readonly #watch: BreakerWatch;
  #state: 'closed' | 'open' | 'probing' = 'closed';
  /** In a row. */
  #failures = 0;
  #openUntilMs = 0;
  #ticket = 1;

  /** @param failuresMax failures in a row that open it @param openMs milliseconds until it is tried again */
  constructor(failuresMax: number, openMs: number, watch: BreakerWatch) {
    this.#failuresMax = failuresMax;
    this.#openMs = openMs;
    this.#watch = watch;
  }

  /** @returns a ticket, or undefined while the service is not to be asked @param nowMs by performance.now(), here and below */
  enter(nowMs: number): number | undefined {
    if (this.#state === 'closed') return this.#ticket;
    if (this.#state === 'probing' || nowMs < this.#openUntilMs) return undefined;
    this.#state = 'probing';
    return this.#ticket;
  }

  succeeded(ticket: number): void {
    if (ticket !== this.#ticket) return;
    this.#failures = 0;
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#watch(false);
  }

  /** @returns whether it opened by this, for the first time since it was closed */
  failed(ticket: number, nowMs: number): boolean {
    if (ticket !== this.#ticket) return false;
    this.#failures++;
    if (this.#state === 'closed' && this.#failures < this.#failuresMax) return false;
    const wasClosed = this.#state === 'closed';
    this.#state = 'open';
    this.#openUntilMs = nowMs + this.#openMs;
    this.#ticket++;
    if (wasClosed) this.#watch(true);
    return wasClosed;
  }
}
