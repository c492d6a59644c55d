// One WebSocket connection: takes its frames in order, answers them in order, and bounds what waits.
//
// While the socket is backpressured (the client reads slower than it asks), while an answer is being counted elsewhere, or when the
// connection has had its turn of the thread, later frames are held as copies in a queue and go on when the way is free. Past the limits of
// that queue a request gets OVERLOADED instead, in its place in the same queue; a client that overruns even that is closed.

import type { Audit } from '../access/audit.ts';
import type { Grant } from '../access/grant.ts';
import { RazielError } from '../errors.ts';
import type { Ref } from '../drivers/engine.ts';
import type { CountedOp, Counters } from '../metrics/counters.ts';
import { packMessage } from '../protocol/codec.ts';
import { BrokenFrame, type Frame, openFrame } from '../protocol/frames.ts';
import type { Request } from '../protocol/requests.ts';
import { type MemoryRoom, shortOfMemory, SMALL_BYTES } from '../overload/memory-guard.ts';
import { isWide } from '../overload/wide-requests.ts';
import { notDurable } from '../service/durability.ts';
import type { Answer } from '../service/reply.ts';
import type { OwnRequest } from '../service/endpoints.ts';
import type { Service } from '../service/service.ts';
import type { DurableCommits } from '../storage/durable-commits.ts';
import { outlineOf, type SlowLog } from '../overload/slow-log.ts';
import type { Call } from '../tracing/call.ts';
import { encodeAnswer, withTraceId } from './answers.ts';
import { HeldQueue, REFUSAL_BYTES } from './held-queue.ts';
import { type HotCaller, type HotFrames, STAGED_FRAME_BYTES_MAX } from './hot-frames.ts';
import { asRazielError } from './http-response.ts';
import type { RequestTraces } from './request-traces.ts';
import type { TurnQueue } from './turn-queue.ts';

/** What a connection needs of its socket; a test can stand in for it. */
export interface Socket {
  send(message: Uint8Array | string, isBinary: boolean): unknown;
  getBufferedAmount(): number;
  end(code: number, reason: string): void;
  cork(work: () => void): unknown;
}

interface ConnectionLimits {
  readonly frameBytesMax: number;
  /** Requests held at most; as many again may wait as OVERLOADED answers. */
  readonly inFlightMax: number;
  readonly heldBytesMax: number;
}

/** Bytes that may wait in the socket before requests are held. */
export const BUFFERED_BYTES_MAX = 1024 * 1024;
/** The same while the server is short of memory. */
const BUFFERED_BYTES_SHORT = 64 * 1024;
/** Answers up to this size are sent without asking whether there is room for them. */
const UNASKED_BYTES = 64 * 1024;
/** Held requests that are taken in one go. */
const RESUME_FRAMES_MAX = 512;

/** Who is at the other end of a connection. */
export interface Peer {
  readonly grant: Grant;
  readonly remoteAddress: string;
}

export interface ConnectionContext {
  readonly service: Service;
  /** The short way, when the engine has one. */
  readonly hot: HotFrames | undefined;
  readonly counters: Counters;
  readonly webSocketTraces: RequestTraces;
  readonly limits: ConnectionLimits;
  readonly memory: MemoryRoom;
  /** Where connections of the thread wait that have had their turn. */
  readonly turnQueue: TurnQueue;
  /** Where `ack: "durable"` waits; undefined for a server that keeps nothing. */
  readonly durable: DurableCommits | undefined;
  readonly slow: SlowLog;
  /** Told of errors that are the server's own. */
  readonly report: (error: unknown) => void;
  readonly audit: Audit;
}

/** Operations whose answers say their `traceId`. */
const SEARCHES: ReadonlySet<CountedOp> = new Set(['nearest', 'within', 'multisearch']);

export class Connection implements HotCaller {
  staged = 0;
  readonly #socket: Socket;
  readonly #context: ConnectionContext;
  readonly #peer: Peer;
  readonly #held = new HeldQueue();
  /** An answer is awaited. */
  #waiting = false;
  /** Answers that wait for something outside: a commit, a travel-time service. Others go before them. */
  #outside = 0;
  /** The rest goes on in the next turn of the event loop. */
  #yielding = false;
  #closed = false;
  /** The turn in which it went to the line last, and the one in which #turnMicros were spent. */
  #yieldedIn = -1;
  #spentIn = -1;
  #turnMicros = 0;
  #heard = false;
  /** Bytes in the socket, as last counted. */
  #unsent = 0;

  constructor(socket: Socket, context: ConnectionContext, peer: Peer) {
    this.#socket = socket;
    this.#context = context;
    this.#peer = peer;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get hotOps(): number {
    return this.#peer.grant.hotOps;
  }

  /** Closes it (1008) when its token is gone. */
  closeIfRevoked(): void {
    if (this.#peer.grant.revoked) this.close(1008, 'the token is no longer one of this server');
  }

  /** Nothing is held or awaited, and nothing waits in the socket. */
  get idle(): boolean {
    if (this.#waiting || this.#outside > 0 || this.#held.length > 0 || this.staged > 0) return false;
    return this.#closed || this.#socket.getBufferedAmount() === 0;
  }

  /** Bytes that are kept for this client, as far as they are known. */
  get keptBytes(): number {
    return this.#held.keptBytes + this.#unsent;
  }

  /** Whether a frame has come since this was last asked. */
  takeHeard(): boolean {
    const heard = this.#heard;
    this.#heard = false;
    return heard;
  }

  /** A frame came. Its bytes are valid during the call only. */
  receive(frame: ArrayBuffer, binary: boolean): void {
    if (this.#closed) return;
    this.#heard = true;
    if (frame.byteLength > this.#context.limits.frameBytesMax) {
      this.#context.counters.add('closedTooLarge', 1);
      this.close(1009, `a frame has at most ${this.#context.limits.frameBytesMax} bytes`);
      return;
    }
    const { hot, memory, turnQueue } = this.#context;
    const isStaged = binary && frame.byteLength <= STAGED_FRAME_BYTES_MAX && memory.pressure === 0 && this.hotOps !== 0;
    if (isStaged && hot !== undefined) {
      hot.stage(this, frame);
      return;
    }
    // What came before goes before.
    if (this.staged > 0) hot?.flush();
    const bytes = new Uint8Array(frame);
    if (this.isBlocked()) {
      this.hold(bytes, binary);
      turnQueue.held();
    } else if (memory.pressure > 0 && bytes.length > SMALL_BYTES) this.#shed(bytes, binary);
    else this.#process(bytes, binary);
  }

  /** The socket has sent what waited in it, or some of it. */
  drained(): void {
    this.#countUnsent();
    this.#resume();
  }

  /** The socket is gone. */
  ended(): void {
    this.#closed = true;
    this.#forgetHeld();
  }

  close(code: number, reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#forgetHeld();
    this.#socket.end(code, reason);
  }

  cork(work: () => void): void {
    if (this.#closed) work();
    else this.#socket.cork(work);
  }

  send(bytes: Uint8Array): void {
    if (!this.#closed) this.#socket.send(bytes, true);
  }

  refuse(error: unknown, frame: Uint8Array): void {
    this.#fail(error, openFrame(frame, true).ref, true, 'nearest', 0, undefined);
  }

  isBlocked(): boolean {
    if (this.#waiting || this.#held.length > 0) return true;
    // Whoever has nothing left when others have had their turn need not wait for the end of the line.
    if (this.#yielding && this.#yieldedIn === this.#context.turnQueue.number) return true;
    return this.#isFull();
  }

  /** Whether enough waits in the socket. */
  #isFull(): boolean {
    const unsent = this.#countUnsent();
    if (unsent > BUFFERED_BYTES_MAX) return true;
    const { memory } = this.#context;
    return unsent > BUFFERED_BYTES_SHORT && (memory.pressure > 0 || !memory.hasRoom(0));
  }

  #countUnsent(): number {
    const unsent = this.#closed ? 0 : this.#socket.getBufferedAmount();
    if (unsent !== this.#unsent) {
      this.#context.counters.add('unsentBytes', unsent - this.#unsent);
      this.#unsent = unsent;
    }
    return unsent;
  }

  /** Answers OVERLOADED without doing anything, for want of memory. */
  #shed(frame: Uint8Array, binary: boolean): void {
    try {
      this.#context.counters.add('shed', 1);
      this.#fail(shortOfMemory(), openFrame(frame, binary).ref, binary, 'other', 0, undefined);
    } catch (error) {
      if (error instanceof BrokenFrame) this.#closeBroken(error);
      else this.#fail(error, undefined, binary, 'other', 0, undefined);
    }
  }

  #closeBroken(error: BrokenFrame): void {
    this.#context.counters.add('closedBroken', 1);
    this.close(1007, error.message.slice(0, 100));
  }

  #process(frame: Uint8Array, binary: boolean): void {
    if (binary && this.#context.hot?.answer(this, frame)) return;
    this.answerTheLongWay(frame, binary);
  }

  answerTheLongWay(bytes: Uint8Array, binary: boolean): void {
    const startedAt = performance.now();
    let opened: Frame;
    try {
      opened = openFrame(bytes, binary);
    } catch (error) {
      if (error instanceof BrokenFrame) {
        this.#closeBroken(error);
        return;
      }
      this.#fail(error, undefined, binary, 'other', startedAt, undefined);
      return;
    }
    const root = this.#context.webSocketTraces.begin(opened.traceparent);
    let op: CountedOp = opened.op;
    let request: Request | undefined;
    try {
      request = opened.read();
      op = request.op;
      const { service, memory } = this.#context;
      this.#peer.grant.authorize(request, service);
      if (memory.pressure > 0 && isWide(request)) {
        this.#context.counters.add('shed', 1);
        throw shortOfMemory();
      }
      if (request.op === 'locations' && request.durable) {
        this.#answerDurable(request, opened.ref, binary, startedAt, root);
        return;
      }
      const isOutside = service.waitsOutside(request);
      if (isOutside) this.#refuseTooMany();
      const answer = service.execute(request, opened.ref, binary ? 'msgpack' : 'json', root);
      this.#audit(request, 'ok');
      if (!(answer instanceof Promise)) this.#succeed(answer, opened.ref, binary, request, startedAt, root);
      else if (isOutside) this.#awaitOutside(answer, opened.ref, binary, request, startedAt, root);
      else this.#await(answer, opened.ref, binary, request, startedAt, root);
    } catch (error) {
      this.#audit(request, asRazielError(error).code);
      this.#fail(error, opened.ref, binary, op, startedAt, root);
    }
  }

  /** Writes down what an operator's token changed over this connection. */
  #audit(request: Request | undefined, outcome: string): void {
    const { grant, remoteAddress } = this.#peer;
    if (!grant.isAdmin || (request?.op !== 'remove' && request?.op !== 'call')) return;
    const target = request.op === 'remove' ? request.id : request.service;
    this.#context.audit({ token: grant.name, operation: request.op, target, outcome, remoteAddress });
  }

  /** Applies the fixes and answers when they are on disk. */
  #answerDurable(
    request: Request & { op: 'locations' },
    ref: Ref,
    binary: boolean,
    startedAt: number,
    root: Call,
  ): void {
    const { durable, service } = this.#context;
    if (durable === undefined) throw notDurable();
    this.#refuseTooMany();
    const answer = service.execute(request, ref, binary ? 'msgpack' : 'json', root);
    const committed = durable.committed(request.batch, service.appliedAtMs);
    const onDisk = Promise.all([answer, committed]).then(([got]) => got);
    this.#awaitOutside(onDisk, ref, binary, request, startedAt, root);
  }

  /** @throws RazielError OVERLOADED when as many wait for something outside, or are held, as may be in flight */
  #refuseTooMany(): void {
    const { inFlightMax } = this.#context.limits;
    if (this.#outside + this.#held.frames < inFlightMax) return;
    throw new RazielError('OVERLOADED', `at most ${inFlightMax} requests may be in flight on a connection`);
  }

  /** As #await; what comes after goes on meanwhile. */
  #awaitOutside(
    answer: Promise<Answer>,
    ref: Ref,
    binary: boolean,
    request: Request,
    startedAt: number,
    root: Call,
  ): void {
    this.#outside++;
    if (request.op !== 'locations') this.spend((performance.now() - startedAt) * 1000);
    const settle = (send: () => void): void => {
      this.#outside--;
      if (this.#closed) this.#context.webSocketTraces.end(root);
      else this.#socket.cork(send);
    };
    answer.then(
      (got) => settle(() => this.#succeed(got, ref, binary, request, startedAt, root, true)),
      (error: unknown) => settle(() => this.#fail(error, ref, binary, request.op, startedAt, root)),
    );
  }

  #await(answer: Promise<Answer>, ref: Ref, binary: boolean, request: Request, startedAt: number, root: Call): void {
    this.#waiting = true;
    const settle = (send: () => void): void => {
      this.#waiting = false;
      if (this.#closed) {
        this.#context.webSocketTraces.end(root);
        return;
      }
      this.#socket.cork(send);
      this.#resume();
    };
    answer.then(
      (got) => settle(() => this.#succeed(got, ref, binary, request, startedAt, root)),
      (error: unknown) => settle(() => this.#fail(error, ref, binary, request.op, startedAt, root)),
    );
  }

  /** @param waited its time was not this thread's */
  #succeed(
    answer: Answer,
    ref: Ref,
    binary: boolean,
    request: Request,
    startedAt: number,
    root: Call,
    waited = false,
  ): void {
    const { op } = request;
    const { webSocketTraces, service, memory } = this.#context;
    const traceId = SEARCHES.has(op) ? webSocketTraces.tracer.traceIdOf(root) : undefined;
    const traced = traceId === undefined ? answer : withTraceId(answer, service.reply, traceId);
    const bytes = encodeAnswer(traced, service.reply, binary ? 'msgpack' : 'json');
    if (bytes !== undefined && bytes.length > UNASKED_BYTES && !memory.hasRoom(bytes.length)) {
      service.reply.release();
      this.#context.counters.add('shed', 1);
      this.#fail(shortOfMemory(), ref, binary, op, startedAt, root);
      return;
    }
    if (bytes !== undefined) this.#socket.send(bytes, binary);
    service.reply.release();
    webSocketTraces.end(root);
    const micros = (performance.now() - startedAt) * 1000;
    this.#context.counters.request(op, 'ws', micros);
    const { slow } = this.#context;
    if (micros >= slow.micros) slow.note(op, 'ws', micros, () => ({ ...refOf(ref), ...outlineOf(request) }));
    if (op !== 'locations' && !waited) this.spend(micros);
  }

  #fail(error: unknown, ref: Ref, binary: boolean, op: CountedOp, startedAt: number, root: Call | undefined): void {
    const { webSocketTraces, service } = this.#context;
    const code = error instanceof RazielError ? error.code : 'INTERNAL';
    webSocketTraces.fail(root, service.endpoints[op as OwnRequest['op']], code);
    if (!(error instanceof RazielError)) {
      this.#context.report(error);
      this.#context.counters.error('INTERNAL');
      this.close(1011, 'internal error');
      return;
    }
    this.#context.counters.error(error.code);
    const micros = startedAt === 0 ? 0 : (performance.now() - startedAt) * 1000;
    this.#context.counters.request(op, 'ws', micros);
    const { slow } = this.#context;
    if (micros >= slow.micros) slow.note(op, 'ws', micros, () => ({ ...refOf(ref), error: error.code }));
    this.#sendError(error, ref, binary);
  }

  #sendError(error: RazielError, ref: Ref, binary: boolean): void {
    const value = ref === undefined ? { error: error.toBody() } : { ref, error: error.toBody() };
    this.#socket.send(binary ? packMessage(value) : JSON.stringify(value), binary);
  }

  spend(micros: number, isGroup = false): void {
    const { turnQueue } = this.#context;
    if (this.#spentIn !== turnQueue.number) {
      this.#spentIn = turnQueue.number;
      this.#turnMicros = 0;
    }
    this.#turnMicros += micros;
    if (turnQueue.spend(micros, this.#turnMicros, isGroup)) this.#resumeLater();
  }

  /** Keeps a copy of a frame until its turn, or refuses it. */
  hold(frame: Uint8Array, binary: boolean): void {
    const { limits, counters, memory } = this.#context;
    const held = this.#held;
    const inFlight = held.frames + this.#outside;
    const isWithinLimits = inFlight < limits.inFlightMax && held.bytes + frame.byteLength <= limits.heldBytesMax;
    if (isWithinLimits && memory.hasRoom(frame.byteLength)) {
      held.pushFrame(frame, binary);
      counters.hold(frame.byteLength);
      return;
    }
    counters.add('overloaded', 1);
    if (isWithinLimits) counters.add('shed', 1);
    if (held.refusals >= limits.inFlightMax || !memory.hasRoom(REFUSAL_BYTES)) {
      counters.add('closedSlow', 1);
      this.close(1013, 'too many requests in flight');
      return;
    }
    let ref: Ref;
    try {
      ref = openFrame(frame, binary).ref;
    } catch (error) {
      if (error instanceof BrokenFrame) {
        this.#closeBroken(error);
        return;
      }
    }
    held.pushRefusal(ref, binary);
    counters.add('heldBytes', REFUSAL_BYTES);
  }

  #resumeLater(): void {
    const { turnQueue } = this.#context;
    this.#yieldedIn = turnQueue.number;
    if (this.#yielding) return;
    this.#yielding = true;
    turnQueue.later(() => {
      this.#yielding = false;
      this.#resume();
    });
  }

  #resume(): void {
    if (this.#closed || this.#held.length === 0 || this.#waiting || this.#yielding) return;
    this.#socket.cork(() => this.#takeHeld());
  }

  #takeHeld(): void {
    const { counters, limits } = this.#context;
    for (let taken = 0; this.#held.length > 0; taken++) {
      // Backpressured: drained() goes on. Waiting: the answer does.
      if (this.#closed || this.#waiting || this.#yielding) return;
      if (this.#isFull()) return;
      if (taken === RESUME_FRAMES_MAX) {
        this.#resumeLater();
        return;
      }
      const held = this.#held.shift();
      if (held === undefined) return;
      if (held.frame === undefined) {
        counters.add('heldBytes', -REFUSAL_BYTES);
        counters.error('OVERLOADED');
        counters.request('other', 'ws', 0);
        const message = `at most ${limits.inFlightMax} requests (${limits.heldBytesMax} bytes) may be in flight on a connection, fewer while memory is short`;
        this.#sendError(new RazielError('OVERLOADED', message), held.ref, held.binary);
      } else {
        counters.unhold(held.frame.byteLength);
        this.#process(held.frame, held.binary);
      }
    }
  }

  #forgetHeld(): void {
    this.#context.counters.add('heldRequests', -this.#held.frames);
    this.#context.counters.add('heldBytes', -this.#held.keptBytes);
    this.#held.clear();
    this.#countUnsent();
  }
}

function refOf(ref: Ref): { readonly ref?: Ref } {
  return ref === undefined ? {} : { ref };
}
