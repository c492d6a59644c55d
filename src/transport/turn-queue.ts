// Shares a thread among connections, so that it makes no difference to who asks one thing now and then whether one client or a hundred have
// thousands of requests waiting.
//
// Connections that have had their share wait here for the next one, in a line: in a turn of the event loop those in front go on until together
// they have had a millisecond, and the others wait. What came meanwhile from connections that are not in the line is answered before.

/** Microseconds of one turn of the event loop: for all that wait in the line, and again for all that do not. */
const TURN_MICROS = 1_000;
/** What a connection may use of a turn in any case: who uses less is never sent to the line. */
const SHARE_MICROS = 100;
/** The least that the line gets of a turn in which much had to be read and held. */
const LINE_MICROS_MIN = 250;
/** Frames that are held as they come until those that came before them for others are answered. */
const HELD_BETWEEN = 256;

export class TurnQueue {
  readonly #first: () => void;
  #waiting: (() => void)[] = [];
  #isArmed = false;
  #number = 0;
  #spentMicros = 0;
  /** What one connection may have of this turn. */
  #turnMicros = TURN_MICROS;
  /** When the first frame came in this turn that was held, by performance.now(). */
  #heldSince: number | undefined;
  #heldCount = 0;

  /** @param first answers what came meanwhile from connections that are not in the line */
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
    return own >= this.#turnMicros || (!isGroup && own >= SHARE_MICROS && this.#spentMicros >= TURN_MICROS);
  }

  /** A frame was held as it came. Thousands of them take milliseconds, which others are not to wait for, and then for the line as well. */
  held(): void {
    this.#heldSince ??= performance.now();
    if (++this.#heldCount % HELD_BETWEEN === 0) this.#first();
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
      this.#take();
      if (this.#waiting.length > 0) this.#arm();
    });
  }

  /** The line's turn. */
  #take(): void {
    const now = performance.now();
    const heldMicros = 1_000 * (now - (this.#heldSince ?? now));
    this.#number++;
    this.#spentMicros = 0;
    this.#turnMicros = Math.max(LINE_MICROS_MIN, TURN_MICROS - heldMicros);
    const until = now + this.#turnMicros / 1_000;
    // Who is not done joins the line anew.
    const waiting = this.#waiting;
    this.#waiting = [];
    let done = 0;
    do waiting[done++]?.();
    while (done < waiting.length && performance.now() < until);
    this.#waiting = [...waiting.slice(done), ...this.#waiting];
    this.#turnMicros = TURN_MICROS;
    this.#heldSince = undefined;
  }
}
