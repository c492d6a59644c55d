// The storage thread: the only one that touches the data directory. It opens and checks it, answers reads, and commits.

import { mkdirSync } from 'node:fs';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { RazielError } from '../errors.ts';
import { Committer } from './committer.ts';
import { lockDirectory } from './data-lock.ts';
import { Environment } from './environment.ts';
import { unseal } from './envelope.ts';
import type { FromStorageThread, StorageAnswer, StorageRequest, ToStorageThread } from './messages.ts';

export interface StorageWorkerData {
  readonly directory: string;
  readonly bytesMax: number;
}

const { directory, bytesMax } = workerData as StorageWorkerData;
const main = parentPort as MessagePort;

try {
  run();
} catch (error) {
  tell({ refused: (error as Error).message });
  main.close();
}

function run(): void {
  mkdirSync(directory, { recursive: true });
  const lock = lockDirectory(directory);
  let environment: Environment;
  try {
    environment = new Environment(directory, bytesMax);
  } catch (error) {
    lock.release();
    throw new Error(`the data directory ${directory} cannot be opened: ${(error as Error).message}`, { cause: error });
  }
  const committer = new Committer(environment);
  main.on('message', async (message: ToStorageThread) => {
    if ('connect' in message) {
      serve(message.connect, environment, committer);
      return;
    }
    committer.cycle();
    await environment.close();
    lock.release();
    tell({ stopped: true });
    main.close();
  });
  tell({ opened: true });
}

function serve(port: MessagePort, environment: Environment, committer: Committer): void {
  port.unref();
  port.on('message', async (task: StorageRequest) => {
    port.postMessage(await answer(task, environment, committer));
  });
}

async function answer(task: StorageRequest, environment: Environment, committer: Committer): Promise<StorageAnswer> {
  const { request } = task;
  try {
    switch (task.kind) {
      case 'get': {
        const sealed = environment.state.get(task.key);
        return { request, entries: sealed === undefined ? [] : [opened(task.key, sealed)] };
      }
      case 'entries':
        return { request, entries: entriesOf(environment, task.prefix) };
      case 'write':
        await committer.write(task.changes);
        return { request, entries: [] };
    }
  } catch (error) {
    if (error instanceof RazielError) return { request, code: error.code, message: error.message };
    return { request, code: 'INTERNAL', message: (error as Error).message };
  }
}

function entriesOf(environment: Environment, prefix: string): (readonly [string, Uint8Array])[] {
  const found: (readonly [string, Uint8Array])[] = [];
  for (const { key, value } of environment.state.getRange({ start: prefix })) {
    if (!key.startsWith(prefix)) break;
    found.push(opened(key, value));
  }
  return found;
}

/** @throws Error that says what to do about a damaged value */
function opened(key: string, sealed: Uint8Array): readonly [string, Uint8Array] {
  const value = unseal(key, sealed);
  if (value !== undefined) return [key, value];
  throw new Error(
    `${JSON.stringify(key)} in the data directory ${directory} is damaged: restore a backup (raziel restore), or look with raziel inspect`,
  );
}

function tell(message: FromStorageThread): void {
  main.postMessage(message);
}
