// A serving thread's side of the zones thread: sends it jobs and waits, a bounded number and a bounded number of bytes at once.

import type { MessagePort } from 'node:worker_threads';
import { RazielError } from '../errors.ts';
import type { Encoding } from '../protocol/codec.ts';
import type { FromZonesThread, PrepareLayer, PublishLayers, ZoneReply, ZoneTask } from './messages.ts';

/** Jobs that may be under way at once for a serving thread. */
const JOBS_MAX = 256;
/** So many of the largest uploads may be under way at once for a serving thread, arriving or waiting for the zones thread. */
const LARGEST_UPLOADS_MAX = 2;

interface Waiting {
  readonly resolve: (reply: ZoneReply) => void;
  readonly reject: (error: Error) => void;
}

/** An error of the zones thread, with all that it says. */
class RelayedError extends RazielError {
  readonly #body: ReturnType<RazielError['toBody']>;

  constructor(code: RazielError['code'], body: ReturnType<RazielError['toBody']>) {
    super(code, body.message, body.field === undefined ? {} : { field: body.field });
    this.#body = body;
  }

  override toBody(): ReturnType<RazielError['toBody']> {
    return this.#body;
  }
}

/** What the zones thread tells beside answers; only the portable zones have use for it. */
export interface PublicationListener {
  /** Resolves when the layer can be published. */
  prepare(message: PrepareLayer): Promise<void>;
  publish(message: PublishLayers): void;
}

export class RemoteZones {
  readonly bodyBytesMax: number;
  readonly #port: MessagePort;
  readonly #listener: PublicationListener | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #idle: (() => void)[] = [];
  #lastJob = 0;
  #bodyBytes = 0;

  constructor(port: MessagePort, bodyBytesMax: number, listener?: PublicationListener) {
    this.#port = port;
    this.bodyBytesMax = bodyBytesMax;
    this.#listener = listener;
    port.on('message', (message: FromZonesThread) => this.#take(message));
    port.unref();
  }

  /** Rejects with what the store refuses, and OVERLOADED past JOBS_MAX at once. */
  run(task: ZoneTask, encoding: Encoding): Promise<ZoneReply> {
    if (this.#waiting.size >= JOBS_MAX) {
      return Promise.reject(new RazielError('OVERLOADED', `at most ${JOBS_MAX} requests for zones may be under way`));
    }
    const job = ++this.#lastJob;
    return new Promise((resolve, reject) => {
      this.#waiting.set(job, { resolve, reject });
      const segments = task.kind === 'put' ? task.body.segments.map((segment) => segment.buffer) : [];
      this.#port.postMessage({ job, task, encoding }, segments);
    });
  }

  /** Takes room for bytes of a body that has come; false when there is none. To be given back by `release`. */
  reserve(bytes: number): boolean {
    if (this.#bodyBytes + bytes > LARGEST_UPLOADS_MAX * this.bodyBytesMax) return false;
    this.#bodyBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#bodyBytes -= bytes;
  }

  /** Resolves when every job has been answered. */
  async whenIdle(): Promise<void> {
    if (this.#waiting.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  close(): void {
    this.#port.close();
  }

  #take(message: FromZonesThread): void {
    if ('prepare' in message) {
      const prepared = message.prepare;
      this.#listener?.prepare(message).then(
        () => this.#port.postMessage({ prepared }),
        (error: unknown) => this.#port.postMessage({ prepared, failed: String(error) }),
      );
      return;
    }
    if ('publish' in message) {
      this.#listener?.publish(message);
      return;
    }
    const waiting = this.#waiting.get(message.job);
    this.#waiting.delete(message.job);
    if ('reply' in message) waiting?.resolve(message.reply);
    else waiting?.reject(new RelayedError(message.code, message.body));
    if (this.#waiting.size > 0) return;
    for (const resolve of this.#idle.splice(0)) setImmediate(resolve);
  }
}
