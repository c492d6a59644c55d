// The server's clock: whatever stamps, ages or expires asks this and not Date.now().
//
//   nowMs()     // 1795420655809, milliseconds since the Unix epoch
//
// It takes the wall clock when the process starts and then counts the machine's monotonic clock on. Small corrections of the wall clock are
// followed slowly, so that time never goes back. A jump (somebody sets the clock, or NTP steps it) is not followed: ages, ttls and ids
// would all be wrong by as much at once. It is logged, and a restart takes the wall clock anew. A machine that was suspended is the
// exception: its clocks stood still for a time that did pass.
//
// All threads read one line of time, wall = wallMs + (monotonic − monotonicMs) × rate, from shared memory; one keeper (ClockKeeper, in
// the main thread) puts the next line beside it and then points to it. A line begins where the last one is, so that readers see no step.

import { uptime } from 'node:os';
import { CLOCK_SLEWED_MS_MAX } from './limits.ts';

/** Lines in shared memory: a reader would have to sleep in the middle of a reading for as many ticks to see a wrong one. */
const LINES = 256;
/** Float64 each: monotonicMs, wallMs, rate. */
const LINE_SLOTS = 3;
const HEAD_SLOTS = 8;

const KEEP_MS = 100;
/** The wall clock is in whole milliseconds: this much apart is none. */
const TOLERATED_MS = 2;
/** What is apart goes away by 1/e in this time, but never faster than the rate. */
const SLEW_MS = 10_000;
const SLEW_RATE_MAX = 0.05;
/** A look at both clocks that took longer says nothing. */
const LOOK_MS_MAX = 5;
const COMPLAINT_MS = 10 * 60_000;

/** The clocks of the machine. */
export interface ClockSources {
  /** Milliseconds since the Unix epoch, as the machine has them; may jump. */
  wallMs(): number;
  /** Never goes back, and stands still while the machine is suspended. */
  monotonicMs(): number;
  /** As monotonicMs, but goes on while the machine is suspended. May be slow. */
  bootMs(): number;
}

export type ClockReport = (level: 'error' | 'info', message: string) => void;

const SYSTEM: ClockSources = {
  wallMs: Date.now,
  monotonicMs,
  // Linux: CLOCK_BOOTTIME. What others call the time since the start moves with their wall clock.
  bootMs: process.platform === 'linux' ? () => uptime() * 1000 : monotonicMs,
};

/** Monotonic milliseconds when performance.now() was 0 in this thread. */
const threadOriginMs = calibrate();

let lines: Float64Array;
let current: Int32Array;
let lastMs = 0;
useClock(allocateClock());

/** Milliseconds since the Unix epoch, whole. It never goes back in a thread; two threads agree to within a microsecond. */
export function nowMs(): number {
  const at = HEAD_SLOTS + (current[0] as number) * LINE_SLOTS;
  const passedMs = performance.now() + threadOriginMs - (lines[at] as number);
  const ms = Math.floor((lines[at + 1] as number) + passedMs * (lines[at + 2] as number));
  if (ms > lastMs) lastMs = ms;
  return lastMs;
}

/** For useClock in the other threads. */
export function sharedClock(): SharedArrayBuffer {
  return lines.buffer as SharedArrayBuffer;
}

/** Reads the clock of the process from now on: to be called first of all in each thread. */
export function useClock(shared: SharedArrayBuffer): void {
  lines = new Float64Array(shared);
  current = new Int32Array(shared, 0, 1);
  lastMs = 0;
}

/** Keeps the clock until it is stopped; one thread of the process does. */
export function keepClock(report: ClockReport): { stop(): void } {
  const keeper = new ClockKeeper(sharedClock(), SYSTEM, report);
  const timer = setInterval(() => keeper.tick(), KEEP_MS);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

/** A clock's shared memory, with the wall clock as it is. */
export function allocateClock({ wallMs, monotonicMs: monotonic }: ClockSources = SYSTEM): SharedArrayBuffer {
  const shared = new SharedArrayBuffer((HEAD_SLOTS + LINES * LINE_SLOTS) * 8);
  new Float64Array(shared).set([monotonic(), wallMs(), 1], HEAD_SLOTS);
  return shared;
}

/** Compares the wall clock with the server's and decides what is followed. */
export class ClockKeeper {
  readonly #lines: Float64Array<SharedArrayBuffer>;
  readonly #current: Int32Array;
  readonly #sources: ClockSources;
  readonly #report: ClockReport;
  /** Of bootMs − monotonicMs, what is in the clock already. */
  #suspendedMs: number;
  /** A jump that has not ended was logged. */
  #complained = false;
  #complainedMs = Number.NEGATIVE_INFINITY;

  constructor(shared: SharedArrayBuffer, sources: ClockSources, report: ClockReport) {
    this.#lines = new Float64Array(shared);
    this.#current = new Int32Array(shared, 0, 1);
    this.#sources = sources;
    this.#report = report;
    this.#suspendedMs = sources.bootMs() - sources.monotonicMs();
  }

  tick(): void {
    const { wallMs, monotonicMs: monotonic } = this.#sources;
    const beforeMs = monotonic();
    const wall = wallMs();
    const nowMonotonicMs = monotonic();
    if (nowMonotonicMs - beforeMs > LOOK_MS_MAX) return;
    let serverMs = readClock(this.#lines.buffer, nowMonotonicMs);
    let apartMs = wall - serverMs;
    if (apartMs > CLOCK_SLEWED_MS_MAX) {
      const sleptMs = this.#newlySuspended();
      serverMs += sleptMs;
      apartMs -= sleptMs;
      if (sleptMs > 0) {
        this.#report('info', `the machine was suspended for ${seconds(sleptMs)} s; the clock is put forward by that`);
      }
    }
    const jumped = Math.abs(apartMs) > CLOCK_SLEWED_MS_MAX;
    const slew = jumped || Math.abs(apartMs) < TOLERATED_MS ? 0 : apartMs / SLEW_MS;
    this.#go(nowMonotonicMs, serverMs, 1 + Math.min(SLEW_RATE_MAX, Math.max(-SLEW_RATE_MAX, slew)));
    if (jumped) this.#complain(nowMonotonicMs, apartMs);
    else if (this.#complained) {
      this.#complained = false;
      this.#report('info', "the wall clock agrees with the server's clock again");
    }
  }

  /** Suspended since it was last asked. The two clocks are not read at once, and one is in hundredths of a second. */
  #newlySuspended(): number {
    const suspendedMs = this.#sources.bootMs() - this.#sources.monotonicMs();
    const newly = suspendedMs - this.#suspendedMs;
    if (newly < CLOCK_SLEWED_MS_MAX / 2) return 0;
    this.#suspendedMs = suspendedMs;
    return newly;
  }

  #complain(nowMonotonicMs: number, apartMs: number): void {
    if (nowMonotonicMs - this.#complainedMs < COMPLAINT_MS) return;
    this.#complainedMs = nowMonotonicMs;
    this.#complained = true;
    const direction = apartMs > 0 ? 'ahead of' : 'behind';
    this.#report(
      'error',
      `the wall clock jumped, and is ${seconds(Math.abs(apartMs))} s ${direction} the server's clock, which does not follow it; ` +
        'if the wall clock is right now, restart the server',
    );
  }

  #go(atMonotonicMs: number, wallMs: number, rate: number): void {
    const next = ((this.#current[0] as number) + 1) % LINES;
    this.#lines.set([atMonotonicMs, wallMs, rate], HEAD_SLOTS + next * LINE_SLOTS);
    Atomics.store(this.#current, 0, next);
  }
}

/** The clock at a monotonic time, not rounded. */
export function readClock(shared: SharedArrayBuffer, atMonotonicMs: number): number {
  const line = new Int32Array(shared, 0, 1)[0] as number;
  const slots = new Float64Array(shared);
  const at = HEAD_SLOTS + line * LINE_SLOTS;
  return (slots[at + 1] as number) + (atMonotonicMs - (slots[at] as number)) * (slots[at + 2] as number);
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

/** The machine's monotonic clock, the same in every thread. */
function monotonicMs(): number {
  const [s, ns] = process.hrtime();
  return s * 1000 + ns / 1e6;
}

/** The closest of several looks at two clocks one after the other. */
function calibrate(): number {
  let origin = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < 16; i++) origin = Math.max(origin, monotonicMs() - performance.now());
  return origin;
}
