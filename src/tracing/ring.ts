// A bounded ring of span records in shared memory, written by one serving thread and read by the tracing thread. Writing never waits: what
// finds no room is dropped, and counted.
//
// Head and tail count records and only grow (mod 2³²). The writer fills records and then moves the head; the reader copies them and then
// moves the tail.

import assert from 'node:assert/strict';
import { TRACE_RING_SPANS } from '../limits.ts';
import { SPAN_BYTES, SPAN_WORDS } from './span.ts';

assert((TRACE_RING_SPANS & (TRACE_RING_SPANS - 1)) === 0, 'positions in a ring wrap with the head');

const HEAD = 0;
const TAIL = 1;
/** Float64 slots behind the positions. */
const RECORDED = 1;
const DROPPED = 2;
const SUPPRESSED = 3;
const HEADER_BYTES = 64;

export interface RingTotals {
  /** Spans written. */
  readonly recorded: number;
  /** Spans that found the ring full. */
  readonly dropped: number;
  /** Spans of slow or failed requests past what is kept of those a second. */
  readonly suppressed: number;
}

export class SpanRing {
  readonly shared: SharedArrayBuffer;
  readonly #capacity: number;
  readonly #positions: Int32Array;
  readonly #totals: Float64Array;
  /** The records, for the writer. */
  readonly words: Uint32Array;
  readonly floats: Float64Array;
  readonly singles: Float32Array;
  /** Only the writer moves it. */
  #head = 0;
  /** As last read; it can only have grown since. */
  #tailSeen = 0;

  /** @param capacity spans, a power of two */
  constructor(shared?: SharedArrayBuffer, capacity = TRACE_RING_SPANS) {
    this.shared = shared ?? new SharedArrayBuffer(HEADER_BYTES + capacity * SPAN_BYTES);
    this.#capacity = (this.shared.byteLength - HEADER_BYTES) / SPAN_BYTES;
    this.#positions = new Int32Array(this.shared, 0, 2);
    this.#totals = new Float64Array(this.shared, 0, HEADER_BYTES / 8);
    this.words = new Uint32Array(this.shared, HEADER_BYTES);
    this.floats = new Float64Array(this.shared, HEADER_BYTES);
    this.singles = new Float32Array(this.shared, HEADER_BYTES);
  }

  /** For the writer: whether `count` spans fit; when they do not they count as dropped. */
  reserve(count: number): boolean {
    if (this.#capacity - ((this.#head - this.#tailSeen) >>> 0) < count) {
      this.#tailSeen = Atomics.load(this.#positions, TAIL);
      if (this.#capacity - ((this.#head - this.#tailSeen) >>> 0) < count) {
        this.#add(DROPPED, count);
        return false;
      }
    }
    return true;
  }

  /** The first word of the record that is `ahead` behind the head, within what was reserved. */
  wordAt(ahead: number): number {
    return (((this.#head + ahead) >>> 0) & (this.#capacity - 1)) * SPAN_WORDS;
  }

  /** Hands `count` filled records to the reader. */
  publish(count: number): void {
    this.#head = (this.#head + count) | 0;
    this.#add(RECORDED, count);
    Atomics.store(this.#positions, HEAD, this.#head);
  }

  suppressed(count: number): void {
    this.#add(SUPPRESSED, count);
  }

  /**
   * For the reader: takes up to `max` records, in order, and frees their room.
   * @param take is given where a record begins in `words`, which is valid during the call only
   */
  drain(max: number, take: (words: Uint32Array, at: number) => void): number {
    const tail = Atomics.load(this.#positions, TAIL);
    const count = Math.min(max, (Atomics.load(this.#positions, HEAD) - tail) >>> 0);
    for (let i = 0; i < count; i++) take(this.words, (((tail + i) >>> 0) & (this.#capacity - 1)) * SPAN_WORDS);
    Atomics.store(this.#positions, TAIL, (tail + count) | 0);
    return count;
  }

  /** For anybody; a moment old. */
  totals(): RingTotals {
    const totals = this.#totals;
    return {
      recorded: totals[RECORDED] as number,
      dropped: totals[DROPPED] as number,
      suppressed: totals[SUPPRESSED] as number,
    };
  }

  #add(slot: number, count: number): void {
    this.#totals[slot] = (this.#totals[slot] as number) + count;
  }
}
