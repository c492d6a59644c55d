// Connections that have had their share of the thread wait here for the next one, in a line: in a turn of the event loop those in front go on
// until together they have had two milliseconds, and the others wait. So it makes no difference to who asks one thing now and then whether
// one client or a hundred have thousands of requests waiting.

/** Microseconds of one turn of the event loop for all that wait. */
const TURN_MICROS = 2_000;

export class TurnQueue {
  #waiting: (() => void)[] = [];
  #isArmed = false;

  /** Goes on in a later turn, behind those that wait already. */
  later(resume: () => void): void {
    this.#waiting.push(resume);
    this.#arm();
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    setImmediate(() => {
      this.#isArmed = false;
      // Who is not done joins the line anew.
      const waiting = this.#waiting;
      this.#waiting = [];
      const until = performance.now() + TURN_MICROS / 1000;
      let done = 0;
      do waiting[done++]?.();
      while (done < waiting.length && performance.now() < until);
      this.#waiting = [...waiting.slice(done), ...this.#waiting];
      if (this.#waiting.length > 0) this.#arm();
    });
  }
}
