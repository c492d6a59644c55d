// Deadlines of what clients may take their time with (the body of a request), all looked at once a second: one timer, not one for each request.

const LOOK_MS = 1_000;

export interface Deadline {
  /** By performance.now(); may be moved. */
  at: number;
  readonly late: () => void;
}

export class Deadlines {
  readonly #open = new Set<Deadline>();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => this.look(performance.now()), LOOK_MS);
    this.#timer.unref();
  }

  /** Calls `late`, once, when the deadline has passed, unless it is `cleared` before. */
  set(at: number, late: () => void): Deadline {
    const deadline = { at, late };
    this.#open.add(deadline);
    return deadline;
  }

  clear(deadline: Deadline): void {
    this.#open.delete(deadline);
  }

  look(now: number): void {
    for (const deadline of this.#open) {
      if (deadline.at > now) continue;
      this.#open.delete(deadline);
      deadline.late();
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
