// The open loop: requests go out at times that were drawn beforehand (exponentially distributed gaps, as of many clients that know nothing of
// each other), whether the server keeps up or not, and a latency counts from the time that was scheduled: a server that stalls is
// charged for all who would have come meanwhile.

import { seededRandom } from '#dist/demo/random.js';
import { percentile } from '../lib/statistics.ts';
import { type Frames, LANES } from './frames.ts';
import type { ScheduledJob, ScheduledLoad, ScheduledResult, ScheduledStream } from './jobs.ts';
import { openAll, type RawSocket } from './raw-socket.ts';
import { UsageMeter } from './usage.ts';

const CONNECTIONS = { nearest: 16, pickups: 16, locations: LANES } as const;
/** A request that is sent later than this after its time is the driver's fault, and counted. */
const LATE_MS = 1;
const ANSWER_MS_MAX = 20_000;

/** Requests written beforehand. */
interface Pool {
  take(count: number, lane: number): Frames;
}

/** One kind of request: when each is due, and how long each took. Times are milliseconds from the start. */
class Stream {
  readonly #due: Float64Array;
  readonly #micros: Float64Array;
  readonly #measuredFrom: number;
  readonly #frames: Pool;
  readonly #sockets: readonly RawSocket[];
  /** For each connection the requests that wait for their answers, in order. */
  readonly #waiting: { requests: number[]; head: number }[];
  #next = 0;
  #late = 0;
  answered = 0;

  constructor(due: Float64Array, measuredFromMs: number, frames: Pool, sockets: readonly RawSocket[]) {
    this.#due = due;
    this.#micros = new Float64Array(due.length);
    this.#measuredFrom = due.findIndex((at) => at >= measuredFromMs);
    this.#frames = frames;
    this.#sockets = sockets;
    this.#waiting = sockets.map(() => ({ requests: [], head: 0 }));
  }

  start(startedAt: number): void {
    this.#sockets.forEach((socket, i) => {
      const waiting = this.#waiting[i] as { requests: number[]; head: number };
      socket.onAnswers = (answers) => {
        const nowMs = performance.now() - startedAt;
        for (let n = 0; n < answers; n++) {
          const request = waiting.requests[waiting.head++] as number;
          this.#micros[request] = (nowMs - (this.#due[request] as number)) * 1000;
        }
        this.answered += answers;
        if (waiting.head === waiting.requests.length) {
          waiting.requests.length = 0;
          waiting.head = 0;
        }
      };
    });
  }

  /** Sends what is due. */
  send(nowMs: number): void {
    while (this.#next < this.#due.length && (this.#due[this.#next] as number) <= nowMs) {
      const request = this.#next++;
      const lane = request % this.#sockets.length;
      if (request >= this.#measuredFrom && nowMs - (this.#due[request] as number) > LATE_MS) this.#late++;
      (this.#waiting[lane] as { requests: number[] }).requests.push(request);
      (this.#sockets[lane] as RawSocket).send(this.#frames.take(1, lane).taken);
    }
  }

  get isDone(): boolean {
    return this.answered === this.#due.length;
  }

  result(): ScheduledStream {
    const sorted = this.#micros.slice(this.#measuredFrom).sort();
    return {
      requests: sorted.length,
      p50Micros: percentile(sorted, 0.5),
      p99Micros: percentile(sorted, 0.99),
      p999Micros: percentile(sorted, 0.999),
      maxMicros: percentile(sorted, 1),
      lateShare: this.#late / sorted.length,
    };
  }
}

export async function runScheduled(
  job: ScheduledJob,
  frames: Readonly<Record<ScheduledLoad['request'], Pool>>,
): Promise<Omit<ScheduledResult, 'sent'>> {
  const connections = job.loads.map(({ request }) => CONNECTIONS[request]);
  const { sockets, failed } = await openAll(
    job.port,
    connections.reduce((sum, count) => sum + count, 0),
  );
  const random = seededRandom(job.seed);
  const totalMs = job.warmUpMs + job.measuredMs;
  let from = 0;
  const streams = job.loads.map(({ request, perSecond }, i) => {
    const own = sockets.slice(from, (from += connections[i] as number));
    return new Stream(schedule(perSecond, totalMs, random), job.warmUpMs, frames[request], own);
  });
  const startedAt = performance.now();
  for (const stream of streams) stream.start(startedAt);

  let meter: UsageMeter | undefined;
  const play = new Promise<void>((resolve, reject) => {
    // Turns without a pause: a timer would be late by a millisecond and more.
    const turn = (): void => {
      const nowMs = performance.now() - startedAt;
      for (const stream of streams) stream.send(nowMs);
      if (meter === undefined && nowMs >= job.warmUpMs) meter = new UsageMeter(job.pid, job.core);
      if (nowMs < totalMs || !streams.every(({ isDone }) => isDone)) {
        if (nowMs > totalMs + ANSWER_MS_MAX) reject(new Error('the server does not answer any more'));
        else setImmediate(turn);
      } else {
        resolve();
      }
    };
    turn();
  });
  try {
    await Promise.race([play, failed]);
    const usage = (meter as UsageMeter | undefined)?.read();
    return {
      streams: streams.map((stream) => stream.result()),
      serverShare: usage?.serverShare,
      driverShare: usage?.driverShare,
    };
  } finally {
    for (const socket of sockets) socket.end();
  }
}

function schedule(perSecond: number, totalMs: number, random: () => number): Float64Array {
  const due = new Float64Array(Math.round((perSecond * totalMs) / 1000));
  const gapMs = 1000 / perSecond;
  let at = 0;
  for (let i = 0; i < due.length; i++) {
    at += -gapMs * Math.log(1 - random());
    due[i] = at;
  }
  // To the rate exactly, whatever was drawn.
  const stretch = totalMs / (at + gapMs);
  return due.map((ms) => ms * stretch);
}
