// One connection to a server that outlives its sockets: it opens, pipelines requests by `ref`, matches answers, and when a
// socket ends it opens the next one after a backoff and sends again what may be sent again.
//
// Delivery. A request counts as done when its answer came. When the socket ends before that, reads are sent again, since
// they change nothing, and so are locations, since a fix that was applied already is a duplicate (or stale) and has no effect; the
// counts of such an answer tell of the second time. `remove` is not sent again, since the driver may have come back in between:
// it is rejected with CONNECTION_LOST. Locations with ack none are done once they are handed to the socket, and may be lost.

// oxlint-disable unicorn/prefer-add-event-listener -- a socket has one listener for each event, and `detach` takes it off again.

import { Unpackr } from 'msgpackr';
import { type BackoffOptions, backoffMs } from './backoff.ts';
import { Emitter } from './emitter.ts';
import { RazielClientError } from './errors.ts';
import { Outbox, type OutboxLimits, type Request } from './outbox.ts';
import { bytesOf, type OpenSocket, type SocketLike } from './socket.ts';
import type { LocationsAnswer } from './types.ts';

export interface ConnectionOptions extends OutboxLimits {
  readonly url: string;
  readonly openSocket: OpenSocket;
  readonly inFlightMax: number;
  readonly attemptsMax: number;
  readonly connectTimeoutMs: number;
  readonly reconnect: BackoffOptions | false;
  readonly random: () => number;
}

export interface ClientEvents {
  /** A socket is open; `first` is false for every one after the first. */
  connect: { first: boolean };
  /** A socket ended or could not be opened; `retryInMs` is absent when there will be no other. */
  disconnect: { code: number; reason: string; retryInMs?: number };
  /** The server refused fixes of a batch that was sent with ack none. */
  rejected: LocationsAnswer;
  /** The server sent an error that belongs to no request, as for a frame of ack none. */
  refused: RazielClientError;
}

type State = 'connecting' | 'open' | 'waiting' | 'closed';

/** Bytes that the socket may hold back before the queue waits: enough to keep a fast link busy. */
const SOCKET_BUFFERED_BYTES_MAX = 4 * 1024 * 1024;
/** How often to look again whether the socket has room; browsers' WebSocket has no event for it. */
const SOCKET_POLL_MS = 2;
/** A timer of more fires at once; one that fires early is set again. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/** The codes with which a server ends a connection over a frame that it will never take. */
const CLOSE_CODES_OF_BAD_FRAMES = new Set([1003, 1007, 1009]);

// 'auto' is missing from msgpackr's types: a number where it is exact, a bigint elsewhere, as ids are.
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'auto' as 'number' });

export class Connection {
  readonly events = new Emitter<ClientEvents>();
  readonly outbox: Outbox;
  connects = 0;
  resent = 0;
  lateAnswers = 0;
  readonly #options: ConnectionOptions;
  #state: State = 'connecting';
  #socket: SocketLike | undefined;
  #failures = 0;
  #openedMs = 0;
  #receivedMs = 0;
  #lastError = '';
  #connectTimer: ReturnType<typeof setTimeout> | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #pollTimer: ReturnType<typeof setTimeout> | undefined;
  #deadlineTimer: ReturnType<typeof setTimeout> | undefined;
  #deadlineMs = Number.POSITIVE_INFINITY;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.outbox = new Outbox(options);
    this.#open();
  }

  get state(): State {
    return this.#state;
  }

  /** Why the last socket failed, for messages. */
  get lastError(): string {
    return this.#lastError;
  }

  /** Takes a request in and sends it when its turn comes. @throws RazielClientError CLIENT_CLOSED, CLIENT_BUFFER_FULL */
  submit(request: Request): void {
    if (this.#state === 'closed') throw new RazielClientError('CLIENT_CLOSED', 'the client is closed');
    this.outbox.add(request);
    if (request.deadlineMs < this.#deadlineMs) this.#armDeadline(request.deadlineMs);
    this.#pump();
  }

  /** Ends it for good: everything pending is rejected with `code`. Resolves when the socket is closed. */
  async close(code = 'CLIENT_CLOSED', message = 'the client was closed'): Promise<void> {
    const socket = this.#socket;
    this.#state = 'closed';
    this.#socket = undefined;
    for (const timer of [this.#connectTimer, this.#retryTimer, this.#pollTimer, this.#deadlineTimer])
      clearTimeout(timer);
    this.#rejectAll(code, message);
    if (socket === undefined) return;
    await new Promise<void>((resolve) => {
      const giveUp = setTimeout(() => {
        socket.terminate?.();
        resolve();
      }, 1000);
      detach(socket);
      socket.onclose = () => {
        clearTimeout(giveUp);
        resolve();
      };
      socket.close(1000);
    });
  }

  #open(): void {
    this.#state = 'connecting';
    let socket: SocketLike;
    try {
      socket = this.#options.openSocket(this.#options.url);
    } catch (error) {
      // Browsers throw at once for an address that they refuse, such as ws: from a page of https:.
      this.#lastError = (error as Error).message;
      this.#ended(1006, this.#lastError);
      return;
    }
    this.#socket = socket;
    this.#connectTimer = setTimeout(() => {
      this.#lastError = `no connection within ${this.#options.connectTimeoutMs} ms`;
      this.#abandon(this.#lastError);
    }, this.#options.connectTimeoutMs);
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#message(event.data);
    socket.onerror = (event) => {
      this.#lastError = event.message ?? 'the connection failed';
    };
    socket.onclose = (event) => this.#ended(event.code, event.reason);
  }

  #opened(): void {
    clearTimeout(this.#connectTimer);
    this.#state = 'open';
    this.#openedMs = performance.now();
    this.#receivedMs = this.#openedMs;
    this.connects += 1;
    this.events.emit('connect', { first: this.connects === 1 });
    this.#pump();
  }

  #pump(): void {
    const socket = this.#socket;
    if (this.#state !== 'open' || socket === undefined) return;
    while (this.outbox.queued > 0 && this.outbox.inFlight < this.#options.inFlightMax) {
      if (socket.bufferedAmount > SOCKET_BUFFERED_BYTES_MAX) {
        this.#pollTimer ??= setTimeout(() => {
          this.#pollTimer = undefined;
          this.#pump();
        }, SOCKET_POLL_MS);
        return;
      }
      const request = this.outbox.next();
      if (request === undefined) return;
      if (request.attempts > 0) this.resent += 1;
      request.attempts += 1;
      request.sentMs = performance.now();
      socket.send(request.bytes);
      if (!request.answered) {
        this.outbox.settle(request);
        request.resolve({});
      }
    }
  }

  #message(data: unknown): void {
    this.#receivedMs = performance.now();
    this.#failures = 0;
    const bytes = bytesOf(data);
    let answer: Record<string, unknown>;
    try {
      if (bytes === undefined) throw new Error('a text frame');
      answer = unpackr.unpack(bytes) as Record<string, unknown>;
      if (typeof answer !== 'object' || answer === null) throw new Error('not a map');
    } catch (cause) {
      this.events.emit('refused', new RazielClientError('BAD_ANSWER', 'an answer is not a MessagePack map', { cause }));
      return;
    }
    const request = this.outbox.inFlightByRef(answer.ref);
    if (request === undefined) {
      this.#unmatched(answer);
      return;
    }
    this.outbox.settle(request);
    if (answer.error === undefined) request.resolve(answer);
    else request.reject(errorOf(answer.error));
    this.#pump();
  }

  #unmatched(answer: Record<string, unknown>): void {
    if (answer.ref !== undefined) this.lateAnswers += 1;
    else if (answer.error !== undefined) this.events.emit('refused', errorOf(answer.error));
    else if (answer.rejected !== undefined) this.events.emit('rejected', answer as unknown as LocationsAnswer);
  }

  /** Gives a socket up that does not answer, without waiting for its closing handshake. */
  #abandon(reason: string): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    detach(socket);
    if (socket.terminate === undefined) socket.close();
    else socket.terminate();
    this.#ended(1006, reason);
  }

  #ended(code: number, reason: string): void {
    clearTimeout(this.#connectTimer);
    clearTimeout(this.#pollTimer);
    this.#pollTimer = undefined;
    this.#socket = undefined;
    const wasOpen = this.#state === 'open';
    const why = reason || (wasOpen ? `closed with code ${code}` : this.#lastError) || `code ${code}`;
    const { reconnect, attemptsMax } = this.#options;
    if (wasOpen && performance.now() - this.#openedMs > 10_000) this.#failures = 0;
    if (reconnect === false) {
      this.#state = 'closed';
      clearTimeout(this.#deadlineTimer);
      this.#rejectAll('CONNECTION_LOST', `the connection ended: ${why}`);
      this.events.emit('disconnect', { code, reason: why });
      return;
    }
    // Which frame the server choked on is not said; sending all of them again would end the next connection too.
    const badFrame = CLOSE_CODES_OF_BAD_FRAMES.has(code);
    const lost = this.outbox.requeue((request) => request.resend && !badFrame && request.attempts < attemptsMax);
    this.#state = 'waiting';
    const retryInMs = backoffMs(this.#failures, reconnect, this.#options.random);
    this.#failures += 1;
    this.#retryTimer = setTimeout(() => this.#open(), retryInMs);
    for (const request of lost) {
      request.reject(
        new RazielClientError('CONNECTION_LOST', `the connection ended before ${request.op} was answered: ${why}`),
      );
    }
    this.events.emit('disconnect', { code, reason: why, retryInMs });
  }

  #armDeadline(deadlineMs: number): void {
    clearTimeout(this.#deadlineTimer);
    this.#deadlineMs = deadlineMs;
    if (deadlineMs === Number.POSITIVE_INFINITY) return;
    const waitMs = Math.min(TIMER_MS_MAX, Math.max(1, deadlineMs - performance.now()));
    this.#deadlineTimer = setTimeout(() => this.#expire(), waitMs);
  }

  #expire(): void {
    const nowMs = performance.now();
    let nextMs = Number.POSITIVE_INFINITY;
    let silent = false;
    const due: Request[] = [];
    for (const request of this.outbox.all()) {
      if (request.deadlineMs > nowMs) nextMs = Math.min(nextMs, request.deadlineMs);
      else due.push(request);
    }
    for (const request of due) {
      if (request.attempts > 0 && this.#state === 'open') silent ||= this.#receivedMs < request.sentMs;
      this.outbox.settle(request);
      request.reject(new RazielClientError('TIMEOUT', `no answer to ${request.op} in time`));
    }
    this.#armDeadline(nextMs);
    // Nothing at all has come since it was sent: the other end is gone without a word.
    if (silent) this.#abandon('the server does not answer');
    else this.#pump();
  }

  #rejectAll(code: string, message: string): void {
    // From a copy: settling tidies the queue.
    const all = Array.from(this.outbox.all());
    for (const request of all) {
      this.outbox.settle(request);
      request.reject(new RazielClientError(code, message));
    }
  }
}

function detach(socket: SocketLike): void {
  socket.onopen = null;
  socket.onmessage = null;
  socket.onclose = null;
  // Kept as a no-op: an error without a listener would be thrown by `ws`.
  socket.onerror = () => {};
}

function errorOf(error: unknown): RazielClientError {
  const { code, message, field, index } = (error ?? {}) as Partial<RazielClientError>;
  return new RazielClientError(code ?? 'BAD_ANSWER', message ?? 'the server named no reason', { field, index });
}
