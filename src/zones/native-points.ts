// A lookup of many points in the native zones, in turns: ten thousand points in zones that overlap a thousandfold would otherwise hold their
// thread for seconds. All turns look into the snapshot that the first one found, whatever is published meanwhile.

import type { Ref, ReplyBuffer } from '../drivers/engine.ts';
import { RazielError } from '../errors.ts';
import { ANSWER_BYTES_MAX } from '../limits.ts';
import { packMessage } from '../protocol/codec.ts';
import type { AddonSnapshot } from './native.ts';

const TURN_MICROS_MAX = 5_000;
const NO_ZONES = packMessage({ zones: [] });

export class PointsAnswer {
  readonly #snapshot: AddonSnapshot | undefined;
  readonly #points: Float64Array;
  readonly #layer: string | undefined;
  readonly #count: number;
  /** As the addon's answerPoints wants it. */
  readonly #state = new Float64Array(3);
  #next = 0;

  /**
   * @param snapshot to look into, released when the answer is there; undefined when nothing was ever published
   * @param points lat, lon, lat, lon, …
   */
  constructor(snapshot: AddonSnapshot | undefined, points: Float64Array, layer: string | undefined) {
    this.#snapshot = snapshot;
    this.#points = points;
    this.#layer = layer;
    this.#count = points.length / 2;
  }

  /** Writes into `out` from 0 and returns the length, or resolves to bytes of its own. */
  start(ref: Ref, out: ReplyBuffer): number | Promise<Uint8Array> {
    let isLater = false;
    try {
      const end = this.#turn(out, this.#writeHead(ref, out));
      if (this.#next === this.#count) return end;
      isLater = true;
      // Others will write into `out` meanwhile.
      return this.#rest({ bytes: out.bytes.slice(0, end) }, end);
    } finally {
      if (!isLater) this.#snapshot?.release();
    }
  }

  async #rest(own: ReplyBuffer, start: number): Promise<Uint8Array> {
    let end = start;
    try {
      while (this.#next < this.#count) {
        await new Promise((resolve) => setImmediate(resolve));
        end = this.#turn(own, end);
      }
    } finally {
      this.#snapshot?.release();
    }
    return own.bytes.subarray(0, end);
  }

  /** `{ref?, version, results: [` of as many results as there are points. */
  #writeHead(ref: Ref, out: ReplyBuffer): number {
    const head = packMessage({
      ...(ref === undefined ? {} : { ref }),
      version: this.#snapshot?.version ?? 0,
      results: [],
    }).slice(0, -1);
    const count = this.#count;
    makeRoom(out, 0, head.length + 5);
    out.bytes.set(head);
    out.bytes.set([0xdd, count >>> 24, count >>> 16, count >>> 8, count], head.length);
    return head.length + 5;
  }

  #turn(out: ReplyBuffer, start: number): number {
    if (this.#snapshot === undefined) return this.#answerNothing(out, start);
    const deadline = performance.now() + TURN_MICROS_MAX / 1000;
    let end = start;
    do {
      this.#state[0] = TURN_MICROS_MAX;
      end = this.#snapshot.answerPoints(this.#points, this.#next, this.#layer, out.bytes, end, this.#state);
      this.#next = this.#state[1] as number;
      const needed = this.#state[2] as number;
      if (needed > 0) makeRoom(out, end, needed);
    } while (this.#next < this.#count && performance.now() < deadline);
    return end;
  }

  #answerNothing(out: ReplyBuffer, start: number): number {
    makeRoom(out, start, this.#count * NO_ZONES.length);
    for (; this.#next < this.#count; this.#next++) out.bytes.set(NO_ZONES, start + this.#next * NO_ZONES.length);
    return start + this.#count * NO_ZONES.length;
  }
}

/** Lets `out` have room for so many bytes behind `end`, keeping what is before. @throws RazielError TOO_LARGE past ANSWER_BYTES_MAX */
function makeRoom(out: ReplyBuffer, end: number, needed: number): void {
  if (end + needed > ANSWER_BYTES_MAX) {
    const message = `the answer must take at most ${ANSWER_BYTES_MAX} bytes; ask for fewer points`;
    throw new RazielError('TOO_LARGE', message);
  }
  if (end + needed <= out.bytes.length) return;
  const larger = new Uint8Array(Math.max(end + needed, Math.min(2 * out.bytes.length, ANSWER_BYTES_MAX)));
  larger.set(out.bytes.subarray(0, end));
  out.bytes = larger;
}
