// Shares a thread among connections, so that it makes no difference to who asks one thing now and then whether one client or a hundred have
// thousands of requests waiting.
//
// Connections that have had their share wait here for the next one, in a line: in a turn of the event loop those in front go on until together
// they have had a millisecond, and the others wait. What came meanwhile from connections that are not in the line is answered before.

/** Microseconds of one turn of the event loop: for all that wait in the line, and again for all that do not. */
const TURN_MICROS = 1_000;
/** What a connection may use of a turn in any case: who uses less is never sent to the line. */
const SHARE_MICROS = 100;

export class TurnQueue {
  readonly #first: () => void;
  #waiting: (() => void)[] = [];
  #isArmed = false;
  #number = 0;
  #spentMicros = 0;

  /** @param first what is done before each turn */
  constructor(first: () => void = () => {}) {
    this.#first = first;
  }

  /** Changes with each turn of the line. */
  get number(): number {
    return this.#number;
  }

  /**
   * Counts what a connection's request took.
   * @param own microseconds that the connection has had since the last turn, these among them
   * @param isGroup whether it was answered together with others, and is to end only when it has had a turn alone
   * @returns whether the connection has had its share, and has others go first
   */
  spend(micros: number, own: number, isGroup: boolean): boolean {
    this.#spentMicros += micros;
    return own >= TURN_MICROS || (!isGroup && own >= SHARE_MICROS && this.#spentMicros >= TURN_MICROS);
  }

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
      this.#first();
      this.#number++;
      this.#spentMicros = 0;
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
