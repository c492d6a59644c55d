// The closed loop: every connection keeps a number of requests in flight and sends a new one for each answer. With one request in flight it
// measures the round trip as well.

import { percentile } from '../lib/statistics.ts';
import { LANES, type LocationFrames, type NearestFrames, type ZonesAtFrames } from './frames.ts';
import { sleep } from '../lib/sleep.ts';
import type { ClosedLoopJob, ClosedLoopResult } from './jobs.ts';
import { openAll, type RawSocket } from './raw-socket.ts';
import { type Usage, UsageMeter } from './usage.ts';

const ANSWER_MS_MAX = 20_000;
const LOAD_IN_FLIGHT = 4;

export async function runClosedLoop(
  job: ClosedLoopJob,
  frames: NearestFrames | LocationFrames | ZonesAtFrames,
): Promise<ClosedLoopResult> {
  const { sockets, failed } = await openAll(job.port, job.connections);
  const isRoundTrip = job.connections === 1 && job.inFlight === 1;
  const micros: number[] = [];
  let answered = 0;
  let sent = 0;
  let isMeasuring = false;
  let isStopping = false;
  let sentAt = 0;
  let onLast: (() => void) | undefined;

  const send = (socket: RawSocket, lane: number, count: number): void => {
    for (let left = count; left > 0; ) {
      const next = frames.take(left, lane);
      socket.send(next.taken);
      left -= next.count;
    }
    sent += count;
  };
  for (const [lane, socket] of sockets.entries()) {
    socket.onAnswers = (answers) => {
      answered += answers;
      if (isRoundTrip && isMeasuring) micros.push((performance.now() - sentAt) * 1000);
      if (isStopping) {
        if (answered === sent) onLast?.();
        return;
      }
      if (isRoundTrip) sentAt = performance.now();
      send(socket, lane, answers);
    };
  }

  const payloadBytes = (): number => sockets.reduce((sum, socket) => sum + socket.payloadBytes, 0);
  const measure = async (): Promise<Usage & { requests: number; seconds: number; bytes: number }> => {
    await sleep(job.warmUpMs);
    const [answeredBefore, bytesBefore, startedAt] = [answered, payloadBytes(), performance.now()];
    const meter = new UsageMeter(job.pid, job.core);
    isMeasuring = true;
    await sleep(job.measuredMs);
    isMeasuring = false;
    const usage = meter.read();
    const seconds = (performance.now() - startedAt) / 1000;
    return { ...usage, requests: answered - answeredBefore, seconds, bytes: payloadBytes() - bytesBefore };
  };
  const finish = async (): Promise<void> => {
    isStopping = true;
    if (answered === sent) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${sent - answered} requests were not answered`)), ANSWER_MS_MAX);
      onLast = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  };

  const stayAwake = (): void => {
    if (!isStopping) setImmediate(stayAwake);
  };

  try {
    if (job.isAwake) stayAwake();
    sentAt = performance.now();
    for (const [lane, socket] of sockets.entries()) send(socket, lane, job.inFlight);
    const { requests, seconds, bytes, ...usage } = await Promise.race([measure(), failed]);
    await Promise.race([finish(), failed]);
    const sorted = Float64Array.from(micros).sort();
    return {
      requests,
      seconds,
      sent,
      replyBytesMean: requests === 0 ? 0 : bytes / requests,
      p50Micros: sorted.length === 0 ? undefined : percentile(sorted, 0.5),
      p99Micros: sorted.length === 0 ? undefined : percentile(sorted, 0.99),
      ...usage,
    };
  } finally {
    for (const socket of sockets) socket.end();
  }
}

/** Sends one fix of every driver; resolves when all are acknowledged. */
export async function sendLap(port: number, frames: LocationFrames): Promise<void> {
  const { sockets, failed } = await openAll(port, LANES);
  try {
    await Promise.race([Promise.all(sockets.map((socket, lane) => sendLane(socket, lane, frames))), failed]);
  } finally {
    for (const socket of sockets) socket.end();
  }
}

function sendLane(socket: RawSocket, lane: number, frames: LocationFrames): Promise<void> {
  let left = frames.batchesPerLane;
  let inFlight = 0;
  const fill = (): void => {
    while (left > 0 && inFlight < LOAD_IN_FLIGHT) {
      const { taken, count } = frames.take(Math.min(left, LOAD_IN_FLIGHT - inFlight), lane);
      socket.send(taken);
      left -= count;
      inFlight += count;
    }
  };
  return new Promise((resolve) => {
    socket.onAnswers = (answers) => {
      inFlight -= answers;
      fill();
      if (inFlight === 0) resolve();
    };
    fill();
  });
}
