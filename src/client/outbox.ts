// What a client has been asked and not yet answered: a queue of requests that wait to be sent, and those in flight. Bounded
// in number and bytes, so that a server that is away costs no more memory than was agreed.

import { RazielClientError } from './errors.ts';

export interface Request {
  readonly ref: number;
  readonly op: string;
  /** The encoded frame, kept until the answer so that it can be sent again. */
  readonly bytes: Uint8Array;
  /** Fixes in it, for the counter of dropped ones; 0 for anything but locations. */
  readonly fixes: number;
  /** Whether to send it again on a new connection: true when doing it twice is the same as once. */
  readonly resend: boolean;
  /** False for locations with ack none: done once handed to the socket. */
  readonly answered: boolean;
  /** By performance.now(); Infinity for none. */
  readonly deadlineMs: number;
  /** Times handed to a socket. */
  attempts: number;
  /** When last handed to a socket, by performance.now(). */
  sentMs: number;
  done: boolean;
  resolve(answer: Record<string, unknown>): void;
  reject(error: RazielClientError): void;
}

export interface OutboxLimits {
  /** Requests that wait or are in flight, at most. */
  readonly pendingMax: number;
  /** Their encoded bytes, at most. */
  readonly pendingBytesMax: number;
  /** `reject` refuses the new request; `drop-oldest` gives up the oldest queued locations for new locations. */
  readonly overflow: 'reject' | 'drop-oldest';
}

export class Outbox {
  readonly #limits: OutboxLimits;
  readonly #inFlight = new Map<number, Request>();
  /** Sent from #head on; what is done already (timed out, dropped) is skipped. */
  #queue: (Request | undefined)[] = [];
  #head = 0;
  #queued = 0;
  #bytes = 0;
  droppedRequests = 0;
  droppedFixes = 0;

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#queued + this.#inFlight.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get queued(): number {
    return this.#queued;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Takes a request in. @throws RazielClientError CLIENT_BUFFER_FULL when it has no room and may make none. */
  add(request: Request): void {
    while (!this.#hasRoomFor(request)) {
      const oldest = this.#limits.overflow === 'drop-oldest' && request.fixes > 0 ? this.#oldestFixes() : undefined;
      if (oldest === undefined) throw this.#full(request);
      this.droppedRequests += 1;
      this.droppedFixes += oldest.fixes;
      this.settle(oldest);
      oldest.reject(new RazielClientError('CLIENT_DROPPED', `${oldest.fixes} fixes were given up for newer ones`));
    }
    this.#bytes += request.bytes.length;
    this.#queued += 1;
    this.#queue.push(request);
  }

  /** The next request to send, now counted as in flight; undefined when none waits. */
  next(): Request | undefined {
    while (this.#head < this.#queue.length) {
      const request = this.#queue[this.#head] as Request;
      this.#queue[this.#head] = undefined;
      this.#head += 1;
      if (request.done) continue;
      this.#queued -= 1;
      this.#inFlight.set(request.ref, request);
      this.#compact();
      return request;
    }
    this.#queue.length = 0;
    this.#head = 0;
    return undefined;
  }

  inFlightByRef(ref: unknown): Request | undefined {
    return this.#inFlight.get(ref as number);
  }

  /** Takes a request out; its promise is the caller's to end. */
  settle(request: Request): void {
    if (request.done) return;
    request.done = true;
    this.#bytes -= request.bytes.length;
    if (!this.#inFlight.delete(request.ref)) this.#queued -= 1;
    this.#compact();
  }

  /** The connection is gone: what may be sent again goes to the front of the queue, in order; the rest is returned, settled. */
  requeue(maySendAgain: (request: Request) => boolean): Request[] {
    const lost: Request[] = [];
    const again: Request[] = [];
    for (const request of this.#inFlight.values()) {
      if (maySendAgain(request)) again.push(request);
      else {
        this.settle(request);
        lost.push(request);
      }
    }
    this.#inFlight.clear();
    this.#queued += again.length;
    this.#queue = [...again, ...this.#queue.slice(this.#head)];
    this.#head = 0;
    return lost;
  }

  /** Everything that is not done, oldest first. */
  *all(): Generator<Request> {
    yield* this.#inFlight.values();
    for (let i = this.#head; i < this.#queue.length; i += 1) {
      const request = this.#queue[i];
      if (request !== undefined && !request.done) yield request;
    }
  }

  #hasRoomFor(request: Request): boolean {
    return this.size < this.#limits.pendingMax && this.#bytes + request.bytes.length <= this.#limits.pendingBytesMax;
  }

  #oldestFixes(): Request | undefined {
    for (let i = this.#head; i < this.#queue.length; i += 1) {
      const request = this.#queue[i];
      if (request !== undefined && !request.done && request.fixes > 0) return request;
    }
    return undefined;
  }

  #full(request: Request): RazielClientError {
    return new RazielClientError(
      'CLIENT_BUFFER_FULL',
      `${this.size} requests of ${this.#bytes} bytes are waiting, and this one of ${request.bytes.length} bytes has no room ` +
        `(at most ${this.#limits.pendingMax} requests and ${this.#limits.pendingBytesMax} bytes)`,
    );
  }

  /** Requests that are done leave holes in the queue; no more of them than live ones, and a few, are kept. */
  #compact(): void {
    if (this.#queue.length > 2 * this.#queued + 1024) {
      this.#queue = this.#queue.filter((request) => request !== undefined && !request.done);
      this.#head = 0;
    }
  }
}
