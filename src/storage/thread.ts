// Starts and stops the storage thread, and connects other threads to it.

import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { sharedClock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { DriverJournal } from '../drivers/journal.ts';
import type { StorageMeters } from '../metrics/storage-meters.ts';
import { startWorker } from '../watched-worker.ts';
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
  const transferList = journalPort === undefined ? [] : [journalPort];
  const thread = startWorker(
    new URL('./worker.js', import.meta.url),
    { workerData, transferList, name: 'raziel storage' },
    'the storage thread',
    onFailure,
  );
  const next = (wanted: 'opened' | 'loaded'): Promise<void> =>
    new Promise((resolve, reject) => {
      const take = (message: FromStorageThread): void => {
        if (wanted in message) resolve();
        if (!('refused' in message)) return;
        thread.expectEnd();
        reject(new Error(message.refused));
      };
      thread.worker.on('message', take);
      const fail = (): void => reject(new Error('the storage thread ended while it started', { cause: thread.cause }));
      void thread.ended.then(fail);
    });
  const loaded = next('loaded');
  loaded.catch(() => {});
  try {
    await next('opened');
  } catch (error) {
    thread.expectEnd();
    await thread.ended;
    throw error;
  }
  return {
    loaded,
    connect() {
      const { port1, port2 } = new MessageChannel();
      const message: ToStorageThread = { connect: port2 };
      thread.worker.postMessage(message, [port2]);
      return port1;
    },
    stop: () => thread.stop({ stop: true } satisfies ToStorageThread),
  };
}

function portOf(journal: DriverJournal): MessagePort {
  const { port1, port2 } = new MessageChannel();
  hostJournal(journal, port1);
  return port2;
}
