// Starts and stops the storage thread, and connects other threads to it.

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { sharedClock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { DriverJournal } from '../drivers/journal.ts';
import type { StorageMeters } from '../metrics/storage-meters.ts';
import { hostJournal } from './journal-host.ts';
import type { FromStorageThread, ToStorageThread } from './messages.ts';
import type { StorageWorkerData } from './worker.ts';

export interface StorageThread {
  /** A port for openState() or DurableCommits of any thread. */
  connect(): MessagePort;
  /** Resolves when the stored drivers are in the engine; rejects when they cannot be. Until then nothing may be applied. */
  readonly loaded: Promise<void>;
  /** Commits what was asked for, and closes the data directory. */
  stop(): Promise<void>;
}

/**
 * Opens the data directory of the configuration; undefined for a server that keeps nothing.
 * @param engine the native engine's handle, or another engine's journal, of this thread
 * @throws Error that says in one sentence why it cannot be opened
 */
export async function startStorageThread(
  { data, memory, dataBytesMax, logLevel }: Config,
  engine: number | DriverJournal,
  meters: StorageMeters,
  onFailure: (error: Error) => void,
): Promise<StorageThread | undefined> {
  if (memory) return undefined;
  const journalPort = typeof engine === 'number' ? undefined : portOf(engine);
  const workerData: StorageWorkerData = {
    directory: data,
    bytesMax: dataBytesMax,
    logLevel,
    clock: sharedClock(),
    meters: meters.shared,
    engine: journalPort ?? (engine as number),
  };
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    workerData,
    transferList: journalPort === undefined ? [] : [journalPort],
    name: 'raziel storage',
  });
  let isEndExpected = false;
  let cause: unknown;
  worker.on('error', (error) => {
    cause = error;
  });
  const ended = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      resolve();
      if (!isEndExpected) onFailure(new Error('the storage thread ended unexpectedly', { cause }));
    });
  });
  const next = (wanted: 'opened' | 'loaded'): Promise<void> =>
    new Promise((resolve, reject) => {
      const take = (message: FromStorageThread): void => {
        if (wanted in message) resolve();
        if (!('refused' in message)) return;
        isEndExpected = true;
        reject(new Error(message.refused));
      };
      worker.on('message', take);
      void ended.then(() => reject(new Error('the storage thread ended while it started', { cause })));
    });
  const loaded = next('loaded');
  loaded.catch(() => {});
  try {
    await next('opened');
  } catch (error) {
    isEndExpected = true;
    await ended;
    throw error;
  }
  return {
    loaded,
    connect() {
      const { port1, port2 } = new MessageChannel();
      const message: ToStorageThread = { connect: port2 };
      worker.postMessage(message, [port2]);
      return port1;
    },
    async stop() {
      isEndExpected = true;
      const message: ToStorageThread = { stop: true };
      worker.postMessage(message);
      await ended;
    },
  };
}

function portOf(journal: DriverJournal): MessagePort {
  const { port1, port2 } = new MessageChannel();
  hostJournal(journal, port1);
  return port2;
}
