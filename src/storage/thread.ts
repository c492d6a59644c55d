// Starts and stops the storage thread, and connects other threads to it.

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { Config } from '../config.ts';
import type { FromStorageThread, ToStorageThread } from './messages.ts';
import type { StorageWorkerData } from './worker.ts';

export interface StorageThread {
  /** A port for openState() of any thread. */
  connect(): MessagePort;
  /** Commits what was asked for, and closes the data directory. */
  stop(): Promise<void>;
}

/**
 * Opens the data directory of the configuration; undefined for a server that keeps nothing.
 * @throws Error that says in one sentence why it cannot be opened
 */
export async function startStorageThread(
  { data, memory, dataBytesMax }: Config,
  onFailure: (error: Error) => void,
): Promise<StorageThread | undefined> {
  if (memory) return undefined;
  const given: StorageWorkerData = { directory: data, bytesMax: dataBytesMax };
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: given, name: 'raziel storage' });
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
  const first = await Promise.race([
    new Promise<FromStorageThread>((resolve) => worker.once('message', resolve)),
    ended.then(() => undefined),
  ]);
  if (first === undefined || !('opened' in first)) {
    isEndExpected = true;
    await ended;
    throw new Error(
      first !== undefined && 'refused' in first ? first.refused : `the storage thread ended while it started: ${cause}`,
    );
  }
  return {
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
