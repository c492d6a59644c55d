// Requests to one HTTP server over connections that are kept: so many at once, each within a deadline and a bound of bytes. Nothing here waits
// on a thread.
//
// A request that is late is given up by whoever asked, but goes on for a while in its place: a connection that is slow to open, or a server that
// is a little late, would otherwise begin anew each time and never come to an answer.

import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { EtaRequest } from './protocol.ts';

/** Why there is no answer. */
export type Fault =
  /** The deadline passed. */
  | 'late'
  /** No connection, or one that ended in the middle. */
  | 'unreachable'
  /** A status other than 200. */
  | 'bad_status'
  /** The service says that it cannot answer this request. */
  | 'refused'
  /** No answer to such a request, or more bytes than it may have. */
  | 'invalid';

export class EtaFault extends Error {
  readonly fault: Fault;

  constructor(fault: Fault, message: string) {
    super(message);
    this.fault = fault;
  }
}

export interface ExchangeAnswer {
  readonly status: number;
  readonly text: string;
}

const ENDED_CODES: ReadonlySet<string | undefined> = new Set(['ECONNRESET', 'EPIPE']);

interface Pending {
  readonly request: EtaRequest;
  readonly bytesMax: number;
  /** Undefined once it has been settled. */
  ends: { readonly resolve: (answer: ExchangeAnswer) => void; readonly reject: (fault: EtaFault) => void } | undefined;
  /** Once it is under way. */
  sent: ClientRequest | undefined;
  timer: NodeJS.Timeout;
}

export class Exchange {
  readonly #url: URL;
  readonly #agent: HttpAgent;
  readonly #connectionsMax: number;
  readonly #lateMs: number;
  readonly #queue: Pending[] = [];
  readonly #underWay = new Set<Pending>();

  /** @param url whose host and scheme count @param lateMs how long a request may take beyond its deadline until its connection is ended */
  constructor(url: URL, connectionsMax: number, lateMs: number) {
    this.#url = url;
    this.#connectionsMax = connectionsMax;
    this.#lateMs = lateMs;
    const options = { keepAlive: true, maxSockets: connectionsMax };
    this.#agent = url.protocol === 'https:' ? new HttpsAgent(options) : new HttpAgent(options);
  }

  /** @param withinMs milliseconds until it is late @throws (rejects with) EtaFault late, unreachable, invalid */
  ask(request: EtaRequest, withinMs: number, bytesMax: number): Promise<ExchangeAnswer> {
    return new Promise((resolve, reject) => {
      // What has come in meanwhile is looked at first: a thread that was busy must not take that for a service that is late.
      const timer = setTimeout(() => setImmediate(() => this.#late(pending)), withinMs);
      const pending: Pending = { request, bytesMax, ends: { resolve, reject }, sent: undefined, timer };
      if (this.#underWay.size < this.#connectionsMax) this.#start(pending, true);
      else this.#queue.push(pending);
    });
  }

  /** Ends all connections; what is under way is unreachable. */
  close(): void {
    for (const pending of [...this.#underWay, ...this.#queue]) fail(pending, 'unreachable', 'the server stops');
    this.#queue.length = 0;
    for (const { sent } of this.#underWay) sent?.destroy();
    this.#agent.destroy();
  }

  #start(pending: Pending, mayRepeat: boolean): void {
    const { method, path, body } = pending.request;
    const headers: Record<string, string | number> = { accept: 'application/json' };
    if (body !== undefined) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = Buffer.byteLength(body);
    }
    const send = this.#url.protocol === 'https:' ? httpsRequest : httpRequest;
    const { hostname, port } = this.#url;
    // An IPv6 address stands in brackets in a URL, and nowhere else.
    const host = hostname.replace(/^\[|\]$/g, '');
    const sent = send({ agent: this.#agent, host, port, method, path, headers });
    pending.sent = sent;
    this.#underWay.add(pending);
    let hasAnswered = false;
    let repeats = false;
    sent.on('response', (response) => {
      hasAnswered = true;
      collect(pending, response);
    });
    sent.on('error', (error: NodeJS.ErrnoException) => {
      // The server may end a kept connection at the moment that something is sent over it.
      repeats = mayRepeat && sent.reusedSocket && !hasAnswered && ENDED_CODES.has(error.code);
      if (!repeats) fail(pending, 'unreachable', error.message);
    });
    sent.on('close', () => {
      this.#underWay.delete(pending);
      if (repeats && pending.ends !== undefined) {
        this.#start(pending, false);
        return;
      }
      fail(pending, 'unreachable', 'the connection ended');
      clearTimeout(pending.timer);
      this.#next();
    });
    sent.end(body);
  }

  #next(): void {
    while (this.#underWay.size < this.#connectionsMax) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      // Those that became late while they waited are settled.
      if (next.ends !== undefined) this.#start(next, true);
    }
  }

  #late(pending: Pending): void {
    if (pending.ends === undefined) return;
    fail(pending, 'late', 'no answer within the deadline');
    const { sent } = pending;
    if (sent === undefined) this.#queue.splice(this.#queue.indexOf(pending), 1);
    else if (!sent.destroyed) pending.timer = setTimeout(() => sent.destroy(), this.#lateMs);
  }
}

function collect(pending: Pending, response: IncomingMessage): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > pending.bytesMax) {
      fail(pending, 'invalid', `the answer has more than ${pending.bytesMax} bytes`);
      response.destroy();
    } else if (pending.ends !== undefined) {
      chunks.push(chunk);
    }
  });
  response.on('end', () => {
    const { ends } = pending;
    if (ends === undefined) return;
    settle(pending);
    ends.resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
  });
  response.on('error', (error) => fail(pending, 'unreachable', error.message));
}

function fail(pending: Pending, fault: Fault, message: string): void {
  const { ends } = pending;
  if (ends === undefined) return;
  settle(pending);
  ends.reject(new EtaFault(fault, message));
}

function settle(pending: Pending): void {
  clearTimeout(pending.timer);
  pending.ends = undefined;
}
