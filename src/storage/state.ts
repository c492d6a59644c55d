// Small durable state, for whoever changes something seldom and must have it after a restart: zones, the state of ids, learned speeds,
// kept traces. Any thread can have one, by a port to the storage thread; a server without a data directory keeps it in memory.
//
//   const state = openState(port);                       // port: MessagePort of StorageThread.connect(), or undefined for memory
//   await state.write([{ key: 'ids/last', value: bytes }]);   // resolves when it is on disk
//   const bytes = await state.get('ids/last');
//   for (const [key, value] of await state.entries('ids/')) …

import assert from 'node:assert/strict';
import type { MessagePort } from 'node:worker_threads';
import { RazielError } from '../errors.ts';
import { STATE_KEY_BYTES_MAX } from '../limits.ts';
import type { Spooled } from './backup/spool.ts';
import type { AppliedBatch, StateChange, StorageAnswer, StorageTask } from './messages.ts';

export interface DurableState {
  /** The value written last under a key, or undefined. */
  get(key: string): Promise<Uint8Array | undefined>;

  /** Every key that begins with `prefix` and its value, by key. */
  entries(prefix: string): Promise<readonly (readonly [key: string, value: Uint8Array])[]>;

  /**
   * Makes the changes, all of them or none. Resolves when they are committed and synced to disk; those of one caller take effect in
   * the order of its calls. The bytes may be used again once it returns.
   * Rejects with RazielError STORAGE_FULL when the disk takes no more; nothing has changed then.
   * @param applied batches of fixes that are to be on disk as well; without any, and without changes, all that was applied before
   */
  write(changes: readonly StateChange[], applied?: readonly AppliedBatch[]): Promise<void>;

  /** Ends the connection. What was asked for is still done. */
  close(): void;
}

/** State in a data directory. */
export interface StoredState extends DurableState {
  /** A backup of all that was applied before, in a file that the caller removes. Rejects with RazielError STORAGE_FULL or OVERLOADED. */
  backup(): Promise<Spooled>;
}

/** @param port to the storage thread; undefined keeps the state in memory, for as long as this object lives */
export function openState(port: MessagePort): StoredState;
export function openState(port: MessagePort | undefined): DurableState;
export function openState(port: MessagePort | undefined): DurableState {
  return port === undefined ? new MemoryState() : new RemoteState(port);
}

class MemoryState implements DurableState {
  readonly #values = new Map<string, Uint8Array>();

  get(key: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.#values.get(key));
  }

  entries(prefix: string): Promise<[string, Uint8Array][]> {
    const found = [...this.#values].filter(([key]) => key.startsWith(prefix));
    return Promise.resolve(found.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  write(changes: readonly StateChange[]): Promise<void> {
    for (const { key, value } of changes) {
      checkKey(key);
      if (value === undefined) this.#values.delete(key);
      else this.#values.set(key, value.slice());
    }
    return Promise.resolve();
  }

  close(): void {
    this.#values.clear();
  }
}

interface Waiting {
  readonly resolve: (answer: Extract<StorageAnswer, { entries: unknown }>) => void;
  readonly reject: (error: Error) => void;
}

class RemoteState implements StoredState {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (answer: StorageAnswer) => this.#settle(answer));
    port.on('close', () => this.#failAll());
    port.unref();
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const { entries } = await this.#ask({ kind: 'get', key });
    return entries[0]?.[1];
  }

  async entries(prefix: string): Promise<readonly (readonly [string, Uint8Array])[]> {
    return (await this.#ask({ kind: 'entries', prefix })).entries;
  }

  async write(changes: readonly StateChange[], applied: readonly AppliedBatch[] = []): Promise<void> {
    for (const { key } of changes) checkKey(key);
    await this.#ask({ kind: 'write', changes, applied });
  }

  async backup(): Promise<Spooled> {
    return (await this.#ask({ kind: 'backup' })).spooled as Spooled;
  }

  close(): void {
    this.#port.close();
  }

  #ask(task: StorageTask): Promise<Extract<StorageAnswer, { entries: unknown }>> {
    const request = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(request, { resolve, reject });
      this.#port.postMessage({ ...task, request });
    });
  }

  #settle(answer: StorageAnswer): void {
    const waiting = this.#waiting.get(answer.request);
    this.#waiting.delete(answer.request);
    if ('entries' in answer) waiting?.resolve(answer);
    else waiting?.reject(new RazielError(answer.code, answer.message));
  }

  #failAll(): void {
    for (const { reject } of this.#waiting.values()) {
      reject(new RazielError('SHUTTING_DOWN', 'the storage thread has ended'));
    }
    this.#waiting.clear();
  }
}

function checkKey(key: string): void {
  assert(key !== '' && Buffer.byteLength(key) <= STATE_KEY_BYTES_MAX, `a key of state: ${key}`);
}
