// What a thread's endpoints have done, in shared memory: a row for each endpoint, written by the thread that serves it, read by whoever is
// asked for statistics. Counting is three additions.

import { ENDPOINTS_MAX } from '../limits.ts';
import { LATENCY_BUCKETS, latencyBucket } from './latency.ts';

/** Slots of a row: the number of the endpoint's name, failures, microseconds in all, then the histogram. */
const NAME = 0;
const ERRORS = 1;
const MICROS = 2;
const BUCKETS = 3;
const ROW_SLOTS = Math.ceil((BUCKETS + LATENCY_BUCKETS) / 8) * 8;

/** The statistics of one endpoint in one thread, as read. */
export interface EndpointCounts {
  /** Number of the name in the thread's table. */
  readonly name: number;
  readonly errors: number;
  readonly micros: number;
  /** Calls by slot of latency.ts. */
  readonly buckets: Float64Array;
}

export class EndpointStats {
  readonly shared: SharedArrayBuffer;
  readonly #slots: Float64Array;

  constructor(shared?: SharedArrayBuffer) {
    this.shared = shared ?? new SharedArrayBuffer(ENDPOINTS_MAX * ROW_SLOTS * 8);
    this.#slots = new Float64Array(this.shared);
  }

  /** The row of an endpoint, for the owner. @throws Error past ENDPOINTS_MAX */
  row(name: number): EndpointRow {
    for (let i = 0; i < ENDPOINTS_MAX; i++) {
      const at = i * ROW_SLOTS;
      if (this.#slots[at + NAME] === 0) this.#slots[at + NAME] = name;
      if (this.#slots[at + NAME] === name) return new EndpointRow(this.#slots, at);
    }
    throw new Error(`a thread has at most ${ENDPOINTS_MAX} endpoints`);
  }

  /** A copy of every row in use. */
  read(): EndpointCounts[] {
    const rows: EndpointCounts[] = [];
    for (let at = 0; at < this.#slots.length && this.#slots[at + NAME] !== 0; at += ROW_SLOTS) {
      const row = new Float64Array(this.#slots.subarray(at, at + ROW_SLOTS));
      rows.push({
        name: row[NAME] as number,
        errors: row[ERRORS] as number,
        micros: row[MICROS] as number,
        buckets: row.subarray(BUCKETS, BUCKETS + LATENCY_BUCKETS),
      });
    }
    return rows;
  }
}

export class EndpointRow {
  readonly #slots: Float64Array;
  readonly #at: number;

  constructor(slots: Float64Array, at: number) {
    this.#slots = slots;
    this.#at = at;
  }

  call(micros: number): void {
    const slots = this.#slots;
    const at = this.#at;
    slots[at + MICROS] = (slots[at + MICROS] as number) + micros;
    const bucket = at + BUCKETS + latencyBucket(micros);
    slots[bucket] = (slots[bucket] as number) + 1;
  }

  /** A call that failed; beside `call`, which counts it as a call. */
  error(): void {
    this.#slots[this.#at + ERRORS] = (this.#slots[this.#at + ERRORS] as number) + 1;
  }
}
