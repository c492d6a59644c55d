// Shares a thread's event loop among HTTP requests: what is done in one turn of the loop is bounded, and what comes after waits for a
// later turn. One client that pipelines a thousand expensive searches would otherwise hold everybody up until the last is answered.

/** Microseconds of work in a turn after which further requests wait. */
const TURN_MICROS_MAX = 20_000;

export class Turns {
  #spentMicros = 0;
  #isArmed = false;
  #waiting: (() => void)[] = [];

  /** True when a request may be worked on now; false when it is to be deferred. */
  get isOpen(): boolean {
    return this.#spentMicros < TURN_MICROS_MAX && this.#waiting.length === 0;
  }

  /** Counts work against this turn. */
  spend(micros: number): void {
    this.#spentMicros += micros;
    this.#arm();
  }

  /** Runs the work in a later turn, in the order of the calls. */
  defer(work: () => void): void {
    this.#waiting.push(work);
    this.#arm();
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    setImmediate(() => {
      this.#isArmed = false;
      this.#spentMicros = 0;
      const waiting = this.#waiting;
      let done = 0;
      while (done < waiting.length && this.#spentMicros < TURN_MICROS_MAX) waiting[done++]?.();
      waiting.splice(0, done);
      if (waiting.length > 0) this.#arm();
    });
  }
}
