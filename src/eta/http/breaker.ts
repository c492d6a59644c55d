// A circuit breaker: a service that failed several times in a row is left alone for a while, and then asked once; with that answer it is
// asked as before, without it left alone again. Failures that all come at one moment do not open it: that is a pause of this process, or of
// the network, and over by then.
//
//   const ticket = breaker.enter(performance.now());        // undefined: not to be asked now
//   breaker.succeeded(ticket);  or  breaker.failed(ticket, performance.now());
//
// A ticket is of the time when it was taken: how a request ends that was sent before the breaker opened says nothing any more.

/** Told of every change. */
export type BreakerWatch = (isOpen: boolean) => void;

export class Breaker {
  readonly #failuresMax: number;
  readonly #failingMs: number;
  readonly #openMs: number;
  readonly #watch: BreakerWatch;
  #state: 'closed' | 'open' | 'probing' = 'closed';
  /** In a row. */
  #failures = 0;
  /** When the row began. */
  #failingSinceMs = 0;
  #openUntilMs = 0;
  #ticket = 1;

  /**
   * @param failuresMax failures in a row that open it @param failingMs milliseconds that the row must have lasted
   * @param openMs milliseconds until the service is tried again
   */
  constructor(failuresMax: number, failingMs: number, openMs: number, watch: BreakerWatch) {
    this.#failuresMax = failuresMax;
    this.#failingMs = failingMs;
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
    if (this.#failures++ === 0) this.#failingSinceMs = nowMs;
    const wasClosed = this.#state === 'closed';
    const isFailing = this.#failures >= this.#failuresMax && nowMs - this.#failingSinceMs >= this.#failingMs;
    if (wasClosed && !isFailing) return false;
    this.#state = 'open';
    this.#openUntilMs = nowMs + this.#openMs;
    this.#ticket++;
    if (wasClosed) this.#watch(true);
    return wasClosed;
  }
}
