// Starts and stops the threads of a server of several: the serving workers on their shared port, and the supply thread.

import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';
import type { Audit } from './access/audit.ts';
import type { TokenRecord } from './access/tokens.ts';
import { sharedClock } from './clock.ts';
import type { Config } from './config.ts';
import { sharesOf } from './overload/memory-plan.ts';
import type { FromThread, ServingThreadData, ToThread } from './server-thread.ts';
import type { FromZonesWorker, ZonesWorkerData } from './zoning/worker.ts';
import type { ThreadTracing } from './tracing/thread.ts';
import type { SupplyWorkerData } from './supply/worker.ts';
import { startWorker } from './watched-worker.ts';

/** How much longer than its drain a thread may take to end before it is terminated. */
const ENDING_MS = 1_000;
const SUPPLY_ENDING_MS = 200;
const ZONES_ENDING_MS = 200;

/** A thread that works for the serving threads and, for each of those, the port to reach it by. */
export interface HelperThread {
  readonly ports: readonly MessagePort[];
  stop(): Promise<void>;
}

/** Starts it without waiting for it: jobs that come before it is up wait on their port. */
export function startSupplyThread(
  config: Config,
  handle: number,
  servingThreads: number,
  onFailure: (error: Error) => void,
): HelperThread {
  const channels = Array.from({ length: servingThreads }, () => new MessageChannel());
  const ports = channels.map((channel) => channel.port2);
  const workerData: SupplyWorkerData = { config, handle, ports, clock: sharedClock() };
  const thread = startWorker(
    new URL('./supply/worker.js', import.meta.url),
    { workerData, transferList: [...workerData.ports], name: 'raziel supply' },
    'the supply thread',
    onFailure,
  );
  return {
    ports: channels.map((channel) => channel.port1),
    // It may be in the middle of a count, which nobody waits for any more.
    stop: () => thread.stop('stop', SUPPLY_ENDING_MS),
  };
}

export interface ZonesThread extends HelperThread {
  /** Resolves to how many layers of before are published again; rejects when they cannot be. */
  readonly restored: Promise<number>;
}

/** As startSupplyThread. @param storage a port to the storage thread, if there is one */
export function startZonesThread(
  config: Config,
  handle: number | undefined,
  meters: SharedArrayBuffer,
  servingThreads: number,
  storage: MessagePort | undefined,
  onFailure: (error: Error) => void,
): ZonesThread {
  const channels = Array.from({ length: servingThreads }, () => new MessageChannel());
  const ports = channels.map((channel) => channel.port2);
  const workerData: ZonesWorkerData = { config, handle, meters, ports, storage };
  const thread = startWorker(
    new URL('./zoning/worker.js', import.meta.url),
    {
      workerData,
      transferList: storage === undefined ? ports : [...ports, storage],
      name: 'raziel zones',
      resourceLimits: { maxOldGenerationSizeMb: Math.ceil(sharesOf(config).zonesBytes / 2 ** 20) },
    },
    'the zones thread',
    onFailure,
  );
  const restored = new Promise<number>((resolve, reject) => {
    thread.worker.once('message', (message: FromZonesWorker) => {
      if ('restored' in message) resolve(message.restored);
      else reject(new Error(message.failed));
    });
    void thread.ended.then(() => reject(new Error('the zones thread ended while it started')));
  });
  restored.catch(() => {});
  return {
    restored,
    ports: channels.map((channel) => channel.port1),
    // It may be in the middle of an upload, which nobody waits for any more.
    stop: () => thread.stop('stop', ZONES_ENDING_MS),
  };
}

export interface ServingThreads {
  /** Listens in every thread; false when one could not. */
  listen(port: number): Promise<boolean>;
  /** Rejects when a thread could not; the others have it. */
  renewTls(): Promise<void>;
  /** Resolves when every thread has them. */
  replaceTokens(records: readonly TokenRecord[]): Promise<void>;
  drain(ms: number): Promise<void>;
}

export async function startServingThreads(
  config: Config,
  handle: number,
  shared: SharedArrayBuffer,
  supplyPorts: readonly MessagePort[],
  tracing: readonly ThreadTracing[],
  zones: { readonly handle: number; readonly ports: readonly MessagePort[]; readonly meters: SharedArrayBuffer },
  storage: { readonly ports: readonly (MessagePort | undefined)[]; readonly meters: SharedArrayBuffer },
  ready: SharedArrayBuffer,
  ids: SharedArrayBuffer,
  traffic: SharedArrayBuffer,
  access: { readonly tokens: readonly TokenRecord[] | undefined; readonly audit: Audit },
  report: (text: string) => void,
  onFailure: (error: Error) => void,
): Promise<ServingThreads> {
  const threads = supplyPorts.map((supplyPort, thread) => {
    const zonesPort = zones.ports[thread] as MessagePort;
    const storagePort = storage.ports[thread];
    const workerData: ServingThreadData = {
      config,
      shared,
      thread,
      handle,
      supplyPort,
      tracing: tracing[thread] as ThreadTracing,
      zonesHandle: zones.handle,
      zonesPort,
      zoneMeters: zones.meters,
      tokens: access.tokens,
      storagePort,
      storageMeters: storage.meters,
      ready,
      clock: sharedClock(),
      ids,
      traffic,
    };
    const ports = [supplyPort, zonesPort, workerData.tracing.port];
    const started = startWorker(
      new URL('./server-thread.js', import.meta.url),
      {
        workerData,
        transferList: storagePort === undefined ? ports : [...ports, storagePort],
        name: `raziel serving ${thread}`,
      },
      `serving thread ${thread}`,
      onFailure,
    );
    started.worker.on('message', (message: FromThread) => {
      if ('report' in message) report(message.report);
      if ('audit' in message) access.audit(message.audit);
    });
    return started;
  });
  await Promise.all(threads.map(({ worker }) => nextMessage(worker)));
  return {
    async listen(port) {
      const answers = await Promise.all(threads.map(({ worker }) => ask(worker, { listen: port })));
      return answers.every((answer) => 'listening' in answer && answer.listening);
    },
    async renewTls() {
      const answers = await Promise.all(threads.map(({ worker }) => ask(worker, { renewTls: true })));
      const fault = answers
        .map((answer) => ('tlsRenewed' in answer ? answer.tlsRenewed : ''))
        .find((text) => text !== '');
      if (fault !== undefined) throw new Error(fault);
    },
    async replaceTokens(tokens) {
      await Promise.all(threads.map(({ worker }) => ask(worker, { tokens })));
    },
    async drain(ms) {
      const message: ToThread = { drainMs: ms };
      await Promise.all(threads.map((thread) => thread.stop(message, ms + ENDING_MS)));
    },
  };
}

function ask(worker: Worker, message: ToThread): Promise<FromThread> {
  worker.postMessage(message);
  return nextMessage(worker);
}

/** The next message that is an answer; rejects when the worker ends first. */
function nextMessage(worker: Worker): Promise<FromThread> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: FromThread): void => {
      if ('report' in message || 'audit' in message) return;
      worker.off('message', onMessage);
      worker.off('exit', onExit);
      worker.off('error', onExit);
      resolve(message);
    };
    const onExit = (cause: unknown): void => reject(new Error('a thread ended while it started', { cause }));
    worker.on('message', onMessage);
    worker.once('error', onExit);
    worker.once('exit', onExit);
  });
}
