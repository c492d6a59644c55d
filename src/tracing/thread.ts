// Starts and stops the tracing thread.

import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Config } from '../config.ts';
import { TraceMeters } from '../metrics/trace-meters.ts';
import { startWorker } from '../watched-worker.ts';
import { allocateTracing, type SharedTracing } from './shared.ts';
import type { FromTracingWorker, TracingWorkerData } from './worker.ts';

/** How long it may take to send what it has when it is stopped. */
const ENDING_MS = 2_000;

/** What a serving thread needs to record its requests, and to ask about them. */
export interface ThreadTracing {
  readonly shared: SharedTracing;
  readonly port: MessagePort;
  /** Of all serving threads, for /metrics. */
  readonly all: readonly SharedTracing[];
  readonly meters: SharedArrayBuffer;
}

export interface TracingThread {
  /** For each serving thread. */
  readonly threads: readonly ThreadTracing[];
  /** Resolves when it collects; rejects with an Error that says in one sentence why it cannot. */
  readonly started: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts it without waiting for it: what is recorded and asked before it is up waits.
 * @param counters the block of allocateCounters
 */
export function startTracingThread(
  config: Config,
  counters: SharedArrayBuffer,
  servingThreads: number,
  onFailure: (error: Error) => void,
): TracingThread {
  const channels = Array.from({ length: servingThreads }, () => new MessageChannel());
  const all = channels.map(() => allocateTracing());
  const meters = new TraceMeters().shared;
  const workerData: TracingWorkerData = {
    config,
    tracing: all,
    counters,
    meters,
    ports: channels.map((channel) => channel.port2),
  };
  const thread = startWorker(
    new URL('./worker.js', import.meta.url),
    { workerData, transferList: [...workerData.ports], name: 'raziel tracing' },
    'the tracing thread',
    onFailure,
  );
  const first = new Promise<FromTracingWorker>((resolve) => thread.worker.once('message', resolve));
  const started = Promise.race([first, thread.ended]).then((message) => {
    if (message !== undefined && 'started' in message) return;
    thread.expectEnd();
    const { cause } = thread;
    throw new Error(message === undefined ? 'the tracing thread ended while it started' : message.refused, { cause });
  });
  // Whoever starts the server waits for it, unless that fails before.
  started.catch(() => {});
  return {
    threads: channels.map(({ port1 }, i) => ({ shared: all[i] as SharedTracing, port: port1, all, meters })),
    started,
    stop: () => thread.stop('stop', ENDING_MS),
  };
}
