// What a serving thread records its requests with. It decides which are kept: some by a drawn rate, all that a caller's traceparent says are
// sampled, and, at their end, those that failed or were slow. Kept ones are written into the thread's ring of spans at once, whole or not at all.
//
//   const root = tracer.begin(tracer.name('websocket'), frame.traceparent);
//   … endpoint.run(input, root) …
//   tracer.end(root);
//
// A request that native code answers whole has one span, written when it was drawn, slow or failed:
//
//   if (--tracer.countdown <= 0 || micros > tracer.slowMicros) tracer.record(name, from, micros, 0);

import { randomFillSync } from 'node:crypto';
import { nowMs } from '../clock.ts';
import { TRACE_KEPT_PER_SECOND_MAX, TRACE_REQUESTS_RUNNING_MAX } from '../limits.ts';
import { type Call, RunningRequest } from './call.ts';
import type { SpanRing } from './ring.ts';
import { FLAG_REMOTE_PARENT, FLAG_ROOT, FLAG_UNFINISHED, hexOfWords } from './span.ts';
import type { Strings } from './strings.ts';
import { readTraceparent, writeTraceparent } from './traceparent.ts';

export interface TracerOptions {
  /** Share of requests that are recorded, 0..1. */
  readonly rate: number;
  /** Requests that take longer are kept; Infinity keeps none for that. */
  readonly slowMs: number;
  /** A fresh id, 64 bits, not 0. */
  readonly nextId: () => bigint;
  /** For tests: 0 ≤ n < 1. */
  readonly random?: () => number;
}

/** Countdowns stay small integers. */
const COUNTDOWN_MAX = 0x3fff_ffff;
/** The server's clock and the thread's own may drift apart by this much before spans follow. */
const CLOCK_SKEW_MS = 2;

export class Tracer {
  /** Requests until the next one that is drawn; whoever counts it down to 0 records. */
  countdown = COUNTDOWN_MAX;
  readonly slowMicros: number;
  readonly #rate: number;
  readonly #ring: SpanRing;
  readonly #strings: Strings;
  readonly #nextId: () => bigint;
  readonly #random: () => number;
  readonly #pool: RunningRequest[] = [];
  /** What is recorded of a request that native code has answered. */
  readonly #single = new RunningRequest(1);
  readonly #spanSeed = new Uint32Array(2);
  #running = 0;
  #epochMs = performance.timeOrigin;
  /** Requests that may still be kept for failing or being slow in the second that began at #keptSinceMs. */
  #keptLeft = TRACE_KEPT_PER_SECOND_MAX;
  #keptSinceMs = 0;

  constructor(ring: SpanRing, strings: Strings, options: TracerOptions) {
    this.#ring = ring;
    this.#strings = strings;
    this.#rate = options.rate;
    this.slowMicros = options.slowMs * 1000;
    this.#nextId = options.nextId;
    this.#random = options.random ?? Math.random;
    randomFillSync(this.#spanSeed);
    this.#draw();
  }

  /** The number by which spans carry a text. */
  name(text: string): number {
    return this.#strings.intern(text);
  }

  /**
   * A request comes. Its root call is what endpoints are called with, and is to be ended.
   * @param from who calls, as a number
   * @param traceparent as the client sent it; whatever is not of the form is ignored
   */
  begin(from: number, traceparent?: unknown): Call {
    const request = this.#take();
    request.from = from;
    const parent = traceparent === undefined || traceparent === '' ? undefined : readTraceparent(traceparent);
    if (parent !== undefined) {
      request.ids.set(parent.traceId);
      request.ids.set(parent.spanId, 4);
      request.isSampled = parent.sampled;
    } else if (--this.countdown <= 0) {
      this.#draw();
      request.isSampled = true;
      request.isDrawn = true;
    }
    return request.root;
  }

  /** The request has been answered. A name is that of a span for a request that came to no endpoint, with its error's code. */
  end(root: Call, name = 0, error = 0): void {
    const { request } = root;
    if (request.count === 0 && error !== 0) root.begin(name, Number.POSITIVE_INFINITY).end(error);
    if (request.count > 0) {
      const isSlow = (performance.now() - (request.starts[0] as number)) * 1000 > this.slowMicros;
      const isKept = request.hasFailed || isSlow;
      if (request.isSampled || (isKept && this.#mayKeep(request.count))) this.#write(request, isKept);
    }
    this.#giveBack(request);
  }

  /** Records a request that took `micros` until now and called nothing. Returns its trace id, or undefined when it was not recorded. */
  record(name: number, from: number, micros: number, error: number): string | undefined {
    const request = this.#single;
    request.reset();
    if (this.countdown <= 0) {
      this.#draw();
      request.isDrawn = true;
    } else if (!this.#mayKeep(1)) return undefined;
    request.from = from;
    request.count = 1;
    request.names[0] = name;
    request.parents[0] = -1;
    request.errors[0] = error;
    request.starts[0] = performance.now() - micros / 1000;
    request.durationsMicros[0] = micros;
    const isWritten = this.#write(request, error !== 0 || micros > this.slowMicros);
    return isWritten ? hexOfWords(request.ids, 0, 4) : undefined;
  }

  /** The trace's id, when the request is sampled: what the answer says. */
  traceIdOf(root: Call): string | undefined {
    const { request } = root;
    if (!request.isSampled) return undefined;
    this.#identify(request);
    return hexOfWords(request.ids, 0, 4);
  }

  /** What goes to another process that is called, or back to the client: the trace and the request's first span. Undefined when it is not sampled. */
  traceparentOf(root: Call): string | undefined {
    const traceId = this.traceIdOf(root);
    return traceId === undefined ? undefined : writeTraceparent(traceId, hexOfWords(root.request.spanIds, 0, 2), true);
  }

  #take(): RunningRequest {
    const pooled = this.#pool.pop();
    const capacity = this.#running++ < TRACE_REQUESTS_RUNNING_MAX ? undefined : 0;
    if (pooled === undefined) return new RunningRequest(capacity);
    pooled.reset();
    return pooled;
  }

  #giveBack(request: RunningRequest): void {
    this.#running--;
    request.isEnded = true;
    if (request.open === 0 && !request.isAbandoned && request.capacity > 0) this.#pool.push(request);
  }

  /** Draws how many requests pass until the next that is sampled: any of them is as likely as any other. */
  #draw(): void {
    const rate = this.#rate;
    if (rate <= 0) this.countdown = COUNTDOWN_MAX;
    else if (rate >= 1) this.countdown = 1;
    else {
      const skipped = Math.floor(Math.log(1 - this.#random()) / Math.log1p(-rate));
      this.countdown = Math.min(COUNTDOWN_MAX, 1 + skipped);
    }
  }

  #mayKeep(spans: number): boolean {
    const now = performance.now();
    if (now - this.#keptSinceMs >= 1000) {
      this.#keptSinceMs = now;
      this.#keptLeft = TRACE_KEPT_PER_SECOND_MAX;
    }
    if (this.#keptLeft > 0) {
      this.#keptLeft--;
      return true;
    }
    this.#ring.suppressed(spans);
    return false;
  }

  #identify(request: RunningRequest): void {
    const { ids, spanIds } = request;
    if (ids[0] === 0 && ids[1] === 0 && ids[2] === 0 && ids[3] === 0) {
      const id = this.#nextId();
      ids[2] = Number(id >> 32n);
      ids[3] = Number(id & 0xffff_ffffn);
    }
    if (spanIds[0] !== 0) return;
    // Ids of this thread's spans: a random beginning and a stride over what one request can have.
    const seed = this.#spanSeed;
    seed[1] = (seed[1] as number) + request.capacity;
    if ((seed[1] as number) < request.capacity) seed[0] = (seed[0] as number) + 1;
    spanIds[0] = (seed[0] as number) | 1;
    spanIds[1] = seed[1] as number;
  }

  #write(request: RunningRequest, isKept: boolean): boolean {
    const { count } = request;
    const ring = this.#ring;
    if (!ring.reserve(count)) return false;
    this.#identify(request);
    const now = performance.now();
    const skew = nowMs() - now - this.#epochMs;
    if (skew > CLOCK_SKEW_MS || skew < -CLOCK_SKEW_MS) this.#epochMs += skew;
    const { words, floats, singles } = ring;
    const { ids, spanIds } = request;
    const [spanHigh = 0, spanLow = 0] = spanIds;
    // What would have been kept anyway stands for itself.
    const weight = request.isDrawn && !isKept ? 1 / this.#rate : 1;
    const isRemote = ids[4] !== 0 || ids[5] !== 0;
    for (let i = 0; i < count; i++) {
      const at = ring.wordAt(i);
      const parent = request.parents[i] as number;
      const start = request.starts[i] as number;
      const duration = request.durationsMicros[i] as number;
      let flags = 0;
      words[at] = ids[0] as number;
      words[at + 1] = ids[1] as number;
      words[at + 2] = ids[2] as number;
      words[at + 3] = ids[3] as number;
      words[at + 4] = spanHigh;
      words[at + 5] = spanLow + i;
      if (parent < 0) {
        words[at + 6] = ids[4] as number;
        words[at + 7] = ids[5] as number;
        flags = isRemote ? FLAG_ROOT | FLAG_REMOTE_PARENT : FLAG_ROOT;
      } else {
        words[at + 6] = spanHigh;
        words[at + 7] = spanLow + parent;
      }
      if (duration < 0) flags |= FLAG_UNFINISHED;
      floats[(at + 8) >> 1] = (this.#epochMs + start) * 1000;
      floats[(at + 10) >> 1] = duration < 0 ? (now - start) * 1000 : duration;
      const from = parent < 0 ? request.from : (request.names[parent] as number);
      words[at + 12] = (request.names[i] as number) | (from << 16);
      words[at + 13] = request.errors[i] as number;
      words[at + 14] = flags;
      singles[at + 15] = weight;
    }
    ring.publish(count);
    return true;
  }
}
