// A serving thread's side of the tracing thread: tells it of the thread's endpoints, asks it and waits, a bounded number at once.

import type { MessagePort } from 'node:worker_threads';
import type { Ref } from '../drivers/engine.ts';
import { RazielError } from '../errors.ts';
import { TRACE_JOBS_MAX } from '../limits.ts';
import type { Encoding } from '../protocol/codec.ts';
import type { EndpointInfo, FromTracingThread, ToTracingThread, TraceQuestion } from './messages.ts';

interface Waiting {
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

export class RemoteTraces {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, Waiting>();
  #lastJob = 0;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (done: FromTracingThread) => this.#settle(done));
    port.unref();
  }

  /** Once, before anything is asked. */
  tellEndpoints(endpoints: readonly EndpointInfo[]): void {
    this.#port.postMessage({ endpoints } satisfies ToTracingThread);
  }

  /** The answer, encoded. Rejects with RazielError OVERLOADED past TRACE_JOBS_MAX at once, and UNKNOWN_TRACE. */
  ask(question: TraceQuestion, ref: Ref, encoding: Encoding): Promise<Uint8Array> {
    if (this.#waiting.size >= TRACE_JOBS_MAX) {
      const message = `at most ${TRACE_JOBS_MAX} questions about traces may be under way`;
      return Promise.reject(new RazielError('OVERLOADED', message));
    }
    const job = ++this.#lastJob;
    return new Promise((resolve, reject) => {
      this.#waiting.set(job, { resolve, reject });
      this.#port.postMessage({ job, question, ref, encoding } satisfies ToTracingThread);
    });
  }

  close(): void {
    this.#port.close();
  }

  #settle(done: FromTracingThread): void {
    const waiting = this.#waiting.get(done.job);
    this.#waiting.delete(done.job);
    if ('bytes' in done) waiting?.resolve(done.bytes);
    else
      waiting?.reject(new RazielError(done.code, done.message, done.field === undefined ? {} : { field: done.field }));
  }
}
