// A serving thread's side of the supply thread: sends it jobs and waits, a bounded number at once.

import type { MessagePort } from 'node:worker_threads';
import type { Ref } from '../drivers/engine.ts';
import { RazielError } from '../errors.ts';
import type { Encoding } from '../protocol/codec.ts';
import type { SupplyQuery } from '../protocol/requests.ts';
import { SUPPLIES_MAX, tooMany } from './answers.ts';
import type { SupplyDone, SupplyJob } from './messages.ts';

interface Waiting {
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

export class RemoteSupply {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, Waiting>();
  #lastJob = 0;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (done: SupplyDone) => this.#settle(done));
    port.unref();
  }

  /** The answer, encoded. Rejects with RazielError OVERLOADED past SUPPLIES_MAX at once, SEARCH_TOO_WIDE for too many cells. */
  count(query: SupplyQuery, ref: Ref, encoding: Encoding): Promise<Uint8Array> {
    if (this.#waiting.size >= SUPPLIES_MAX) return Promise.reject(tooMany());
    const job: SupplyJob = { job: ++this.#lastJob, query, ref, encoding };
    return new Promise((resolve, reject) => {
      this.#waiting.set(job.job, { resolve, reject });
      this.#port.postMessage(job);
    });
  }

  #settle(done: SupplyDone): void {
    const waiting = this.#waiting.get(done.job);
    this.#waiting.delete(done.job);
    if ('bytes' in done) waiting?.resolve(done.bytes);
    else waiting?.reject(new RazielError(done.code, done.message));
  }
}
