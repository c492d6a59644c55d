// A request under way and the calls in it: what an endpoint's handler is given, and hands on to the endpoints that it calls itself. A call
// knows its place in the trace and its deadline.
//
//   handle: (query, call) => rank(zoning.run(query, call), multisearch.run(query, call))
//
// Requests are taken from a pool and keep their spans in arrays that were made once, so that a request that is not recorded in the end costs
// two looks at the clock a span and no memory. A call is only valid until its handler has answered; the awaited ones of a handler included.

import { RazielError } from '../errors.ts';
import { TRACE_SPANS_PER_REQUEST_MAX } from '../limits.ts';

/** Index of the call that stands for the transport: it has no span of its own. */
const ROOT = -1;
/** Index of calls that are past what the request has room for, or not traced at all. */
const UNTRACED = -2;

/** A request and its spans so far. Made and ended by a Tracer. */
export class RunningRequest {
  readonly root: Call = new Call(this, ROOT);
  readonly names: Uint16Array;
  readonly parents: Int16Array;
  readonly errors: Uint16Array;
  /** By performance.now(). */
  readonly starts: Float64Array;
  /** Negative while the call is under way. */
  readonly durationsMicros: Float64Array;
  readonly #calls: (Call | undefined)[] = [];
  readonly capacity: number;
  /** Spans begun. */
  count = 0;
  /** Calls begun and not ended. */
  open = 0;
  /** A handler that was given up may still use its calls: they must not be another request's. */
  isAbandoned = false;
  /** Some call failed. */
  hasFailed = false;
  /** Recorded whatever comes of it. */
  isSampled = false;
  /** Drawn by the rate: it stands for 1 / rate requests. */
  isDrawn = false;
  isEnded = false;
  /** Called by an endpoint's name, not as an operation. */
  isByName = false;
  /** The transport's name, as a number. */
  from = 0;
  /** The trace's id and the parent's span id; zeros as long as there is none. */
  readonly ids = new Uint32Array(6);
  /** Ids of spans are this one's and the following. */
  readonly spanIds = new Uint32Array(2);

  /** @param capacity spans that are kept at most; 0 for a request that is not traced */
  constructor(capacity = TRACE_SPANS_PER_REQUEST_MAX) {
    this.capacity = capacity;
    this.names = new Uint16Array(capacity);
    this.parents = new Int16Array(capacity);
    this.errors = new Uint16Array(capacity);
    this.starts = new Float64Array(capacity);
    this.durationsMicros = new Float64Array(capacity);
  }

  /** As new. */
  reset(): void {
    this.count = 0;
    this.open = 0;
    this.hasFailed = false;
    this.isSampled = false;
    this.isDrawn = false;
    this.isEnded = false;
    this.isByName = false;
    this.ids.fill(0);
    this.spanIds.fill(0);
    this.root.reset();
  }

  callAt(index: number): Call {
    const call = this.#calls[index];
    if (call !== undefined) return call;
    const made = new Call(this, index);
    this.#calls[index] = made;
    return made;
  }
}

export class Call {
  readonly #request: RunningRequest;
  readonly #index: number;
  #startMs = 0;
  #abort: AbortController | undefined;
  /** By performance.now(); Infinity for none. Never later than the caller's. */
  deadlineMs = Number.POSITIVE_INFINITY;

  constructor(request: RunningRequest, index: number) {
    this.#request = request;
    this.#index = index;
  }

  get request(): RunningRequest {
    return this.#request;
  }

  /** True for the transport's own call: what it calls comes from outside. */
  get isRoot(): boolean {
    return this.#index === ROOT;
  }

  /** Milliseconds until the deadline, 0 past it, Infinity without one. */
  get remainingMs(): number {
    return Math.max(0, this.deadlineMs - performance.now());
  }

  /** Aborted when the deadline passes before the endpoint has answered; to be handed to what it waits for. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  /**
   * A call of an endpoint from here.
   * @param name the endpoint's, as a number
   * @param deadlineMs what it may take; Infinity for what its caller has left
   * @throws RazielError DEADLINE_EXCEEDED when the caller's deadline has passed
   */
  begin(name: number, deadlineMs: number): Call {
    const request = this.#request;
    const now = performance.now();
    if (now > this.deadlineMs) throw deadlineExceeded();
    let call: Call;
    if (request.count < request.capacity && !request.isEnded) {
      const index = request.count++;
      request.names[index] = name;
      request.parents[index] = this.#index;
      request.errors[index] = 0;
      request.starts[index] = now;
      request.durationsMicros[index] = -1;
      call = request.callAt(index);
      call.reset();
    } else {
      call = new Call(request, UNTRACED);
    }
    request.open++;
    call.#startMs = now;
    call.deadlineMs = Math.min(this.deadlineMs, now + deadlineMs);
    return call;
  }

  /**
   * The call has been answered, or has failed.
   * @param error the error's code as a number, 0 for none
   * @returns microseconds since it began
   */
  end(error: number): number {
    const request = this.#request;
    const micros = (performance.now() - this.#startMs) * 1000;
    request.open--;
    if (error !== 0) request.hasFailed = true;
    if (this.#index >= 0 && !request.isEnded) {
      request.errors[this.#index] = error;
      request.durationsMicros[this.#index] = micros;
    }
    return micros;
  }

  reset(): void {
    this.#abort = undefined;
    this.deadlineMs = Number.POSITIVE_INFINITY;
  }

  /** Gives the handler up: its deadline has passed and nobody waits for it any more. */
  abandon(): void {
    this.#request.isAbandoned = true;
    this.#abort?.abort(deadlineExceeded());
  }

  /** @throws RazielError DEADLINE_EXCEEDED; for handlers that go on for long without an await */
  checkDeadline(): void {
    if (performance.now() > this.deadlineMs) throw deadlineExceeded();
  }
}

export function deadlineExceeded(): RazielError {
  return new RazielError('DEADLINE_EXCEEDED', 'the deadline passed before there was an answer');
}

/** A call without a trace or a deadline, for tests and for work that no request asked for. */
export function untracedCall(): Call {
  return new RunningRequest(0).root;
}
