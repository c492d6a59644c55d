// The short way of a serving thread's hot frames: small MessagePack frames that ask for the nearest drivers, for zones or bring fixes, which
// the engine answers whole.
//
// Small ones are staged as they arrive, from all connections, and answered together when the event loop has read what there was: in one
// call of the engine, which fetches for several from memory at a time, and with the answers sent one after the other, so that a client is
// woken once and not for each. What is not hot goes the long way in its place, so that a connection's requests take effect in order.

import { nowMs } from '../clock.ts';
import {
  ANSWERED_FRAMES_MAX,
  FRAME_NOT_HOT,
  FRAME_OPS,
  FRAME_REJECTIONS,
  FRAME_ROW,
  FRAME_SKIP,
  FRAME_SKIPPED,
  FRAME_TOO_WIDE,
  type FrameAnswerer,
  type StagedFrames,
} from '../drivers/engine.ts';
import { COUNTED_OPS, type Counters } from '../metrics/counters.ts';
import { openFrame } from '../protocol/frames.ts';
import { outlineOf, type SlowLog } from '../overload/slow-log.ts';
import type { Service } from '../service/service.ts';
import { copyWithTraceId } from './answers.ts';
import type { RequestTraces } from './request-traces.ts';

/** Larger frames are not staged. */
export const STAGED_FRAME_BYTES_MAX = 512;
/** What can be staged; it is rarely as much, and then answered at once. */
const STAGED_FRAMES_MAX = 2_048;
const STAGED_BYTES_MAX = 256 * 1024;
/** Frames that are looked at together behind one that stopped the engine: where one is not hot, the next may not be either. */
const WINDOW_AFTER_STOP = 4;

const WS = 1;
const LOCATIONS = 0;
const OP_COUNTED_AS = FRAME_OPS.map((op) => COUNTED_OPS.indexOf(op));

/** A connection, as far as its hot frames need it. */
export interface HotCaller {
  /** How many of its frames are staged; kept by HotFrames. */
  staged: number;
  readonly closed: boolean;
  /** The ops that it may have answered here: bits as of FrameAnswerer. */
  readonly hotOps: number;
  /** Whether its frames must wait. */
  isBlocked(): boolean;
  hold(frame: Uint8Array, binary: boolean): void;
  /** Runs what sends several answers. */
  cork(work: () => void): void;
  send(bytes: Uint8Array): void;
  /** Counts what a request took of the connection's turn. */
  spend(micros: number, isGroup?: boolean): void;
  answerTheLongWay(frame: Uint8Array, binary: boolean): void;
  /** Refuses a frame that is a whole one. */
  refuse(error: unknown, frame: Uint8Array): void;
}

interface HotContext {
  readonly answerer: FrameAnswerer;
  readonly service: Service;
  readonly counters: Counters;
  readonly webSocketTraces: RequestTraces;
  readonly slow: SlowLog;
}

export class HotFrames {
  readonly #context: HotContext;
  readonly #frames: StagedFrames = {
    bytes: new Uint8Array(STAGED_BYTES_MAX),
    ends: new Uint32Array(STAGED_FRAMES_MAX),
    allowed: new Uint8Array(STAGED_FRAMES_MAX),
  };
  readonly #callers: HotCaller[] = [];
  #isDue = false;

  constructor(context: HotContext) {
    this.#context = context;
  }

  /** Takes a frame of up to STAGED_FRAME_BYTES_MAX, hot or not, to be answered in this turn of the event loop. The bytes are copied. */
  stage(caller: HotCaller, frame: ArrayBuffer): void {
    const at = this.#callers.length;
    const start = this.#startOf(at);
    this.#frames.bytes.set(new Uint8Array(frame), start);
    this.#frames.ends[at] = start + frame.byteLength;
    this.#callers.push(caller);
    caller.staged++;
    if (at + 1 === STAGED_FRAMES_MAX || start + 2 * STAGED_FRAME_BYTES_MAX > STAGED_BYTES_MAX) {
      this.flush();
    } else if (!this.#isDue) {
      this.#isDue = true;
      setImmediate(this.#flushDue);
    }
  }

  /** Answers what is staged. */
  flush(): void {
    const callers = this.#callers;
    const { answerer, service } = this.#context;
    let window = ANSWERED_FRAMES_MAX;
    for (let from = 0; from < callers.length; ) {
      // Those of connections that are gone are passed over here: when all are, the engine may be gone as well.
      if (callers[from]?.closed) {
        from++;
        continue;
      }
      const end = Math.min(callers.length, from + window);
      this.#allow(from, end);
      const to = answerer.answerFrames(this.#frames, from, end, nowMs(), service.limits.batchFixesMax, service.reply);
      this.#settleAll(from, to);
      window = to < end ? WINDOW_AFTER_STOP : ANSWERED_FRAMES_MAX;
      from = to;
    }
    for (const caller of callers) caller.staged = 0;
    callers.length = 0;
    service.reply.release();
  }

  /** Answers one frame at once; false when it is not hot, and nothing has happened. */
  answer(caller: HotCaller, frame: Uint8Array): boolean {
    const { answerer, service } = this.#context;
    if (caller.hotOps === 0) return false;
    answerer.answerFrame(frame, nowMs(), service.limits.batchFixesMax, caller.hotOps, service.reply);
    if (answerer.frameRows[FRAME_ROW.result] === FRAME_NOT_HOT) return false;
    this.#settle(caller, frame, 0, 0, 0);
    service.reply.release();
    return true;
  }

  readonly #flushDue = (): void => {
    this.#isDue = false;
    this.flush();
  };

  #startOf(at: number): number {
    return at === 0 ? 0 : (this.#frames.ends[at - 1] as number);
  }

  /** A copy is for those that keep it. */
  #frameAt(at: number): Uint8Array {
    return this.#frames.bytes.subarray(this.#startOf(at), this.#frames.ends[at]);
  }

  /** The frames of one connection stand together, as they arrived in one piece. */
  #runEnd(from: number, to: number): number {
    const caller = this.#callers[from];
    let end = from + 1;
    while (end < to && this.#callers[end] === caller) end++;
    return end;
  }

  /** Says of the frames from `from` up to the one before `to` what may be answered. */
  #allow(from: number, to: number): void {
    for (let start = from, end = from; start < to; start = end) {
      end = this.#runEnd(start, to);
      const caller = this.#callers[start] as HotCaller;
      this.#frames.allowed.fill(caller.closed || caller.isBlocked() ? FRAME_SKIP : caller.hotOps, start, end);
    }
  }

  /** Sends what the engine has answered. */
  #settleAll(from: number, to: number): void {
    const { frameRows } = this.#context.answerer;
    let offset = 0;
    for (let start = from, end = from; start < to; start = end) {
      end = this.#runEnd(start, to);
      const caller = this.#callers[start] as HotCaller;
      caller.cork(() => {
        for (let i = start; i < end; i++) {
          const at = FRAME_ROW.size * (i - from);
          this.#settle(caller, undefined, i, at, offset);
          offset += Math.max(0, frameRows[at + FRAME_ROW.result] as number);
        }
      });
    }
  }

  /**
   * Deals with what became of a frame.
   * @param given undefined for the one staged as `number`
   * @param at where its row begins
   * @param start where in the reply its answer is
   */
  #settle(caller: HotCaller, given: Uint8Array | undefined, number: number, at: number, start: number): void {
    const { answerer, service, counters, webSocketTraces, slow } = this.#context;
    const rows = answerer.frameRows;
    const result = rows[at + FRAME_ROW.result] as number;
    let answer: Uint8Array | undefined;
    if (result > 0) {
      answer = service.reply.viewAt(start, result);
    } else if (result !== 0) {
      if (caller.closed) return;
      const frame = given ?? this.#frameAt(number);
      if (result === FRAME_SKIPPED) caller.hold(frame, true);
      else if (result === FRAME_NOT_HOT) caller.answerTheLongWay(frame, true);
      else if (result === FRAME_TOO_WIDE) caller.refuse(answerer.tooWide(), frame);
      if (result !== FRAME_REJECTIONS) return;
      answer = answerer.rejections(frame, at);
    }
    const op = rows[at + FRAME_ROW.op] as number;
    const micros = rows[at + FRAME_ROW.micros] as number;
    const { tracer } = webSocketTraces;
    if (--tracer.countdown <= 0 || micros > tracer.slowMicros) answer = this.#trace(op, micros, answer);
    if (answer !== undefined) caller.send(answer);
    counters.requestAt(OP_COUNTED_AS[op] as number, WS, micros);
    if (micros >= slow.micros) this.#noteSlow(op, micros, given ?? this.#frameAt(number));
    if (op === LOCATIONS) {
      counters.fixes(
        rows[at + FRAME_ROW.accepted] as number,
        rows[at + FRAME_ROW.stale] as number,
        rows[at + FRAME_ROW.duplicate] as number,
        rows[at + FRAME_ROW.rejected] as number,
      );
    } else {
      caller.spend(micros, given === undefined);
    }
  }

  /** Records a request that the engine has answered; returns its answer, with its trace's id where a search has one. */
  #trace(op: number, micros: number, answer: Uint8Array | undefined): Uint8Array | undefined {
    const { service, webSocketTraces } = this.#context;
    const name = FRAME_OPS[op] as (typeof FRAME_OPS)[number];
    const traceId = webSocketTraces.record(service.endpoints[name], micros);
    if (traceId === undefined || name !== 'nearest' || answer === undefined) return answer;
    return copyWithTraceId(answer, traceId);
  }

  #noteSlow(op: number, micros: number, frame: Uint8Array): void {
    this.#context.slow.note(FRAME_OPS[op] as (typeof FRAME_OPS)[number], 'ws', micros, () => {
      const { ref, read } = openFrame(frame, true);
      return { ...(ref === undefined ? {} : { ref }), ...outlineOf(read()) };
    });
  }
}
