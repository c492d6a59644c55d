// Writes HTTP responses: status, headers and body in one go, without a body for HEAD, and never after the client has gone.

import { STATUS_CODES } from 'node:http';
import type { Grant } from '../access/grant.ts';
import { Refusal } from '../access/refusals.ts';
import { type ErrorCode, RazielError } from '../errors.ts';
import type { Encoding } from '../protocol/codec.ts';
import type { Request } from '../protocol/requests.ts';
import type { Kept } from '../overload/memory-guard.ts';
import { encodeValue } from './answers.ts';
import type { HttpResponse } from './uws.ts';

const CONTENT_TYPES: Readonly<Record<Encoding, string>> = {
  json: 'application/json',
  msgpack: 'application/msgpack',
};

/** A client that takes nothing of a long answer for so long is ended. */
const PIECE_SECONDS_MAX = 60;

/** A response under way: who asked, how the answer is to look, and whether anybody still waits for it. */
export class Exchange {
  readonly encoding: Encoding;
  readonly #res: HttpResponse;
  readonly #head: boolean;
  readonly #unsent: Kept | undefined;
  /** Of this answer. */
  #unsentBytes = 0;
  /** What was asked, once it is known. */
  request: Request | undefined;
  /** The connection ends with this response. */
  closing = false;
  /** Of the request, told with any answer and in the log of a fault of the server's own; undefined while ids are refused. */
  requestId: string | undefined;
  /** Told to the client of a request that is recorded (W3C Trace Context). */
  traceparent: string | undefined;
  /** What the rest of the request is asked of, when its cost is known from its body only. */
  grant: Grant | undefined;
  /** Sent with any answer. */
  headers: readonly (readonly [string, string])[] = [];
  #over = false;
  /** Goes on with the next piece. */
  #wake: (() => void) | undefined;
  #stalled: NodeJS.Timeout | undefined;
  /** Answered, or aborted by the client. */
  get over(): boolean {
    return this.#over;
  }

  /** @param unsent counts what the client has not taken yet; uncounted without */
  constructor(res: HttpResponse, encoding: Encoding, head: boolean, unsent?: Kept) {
    this.#unsent = unsent;
    this.#res = res;
    this.encoding = encoding;
    this.#head = head;
  }

  aborted(): void {
    this.#over = true;
    this.#taken();
    this.#wake?.();
  }

  sendValue(value: unknown): void {
    this.send(200, CONTENT_TYPES[this.encoding], encodeValue(value, this.encoding));
  }

  sendEncoded(body: Uint8Array | string): void {
    this.send(200, CONTENT_TYPES[this.encoding], body);
  }

  sendError(error: RazielError, headers: readonly (readonly [string, string])[] = []): void {
    const own = error instanceof Refusal ? [...headers, ...error.headers] : headers;
    const all = error.code === 'OVERLOADED' ? [...own, ['retry-after', '1'] as const] : own;
    this.send(error.status, CONTENT_TYPES[this.encoding], encodeValue({ error: error.toBody() }, this.encoding), all);
  }

  sendNothing(): void {
    if (this.#over) return;
    this.#over = true;
    this.#res.cork(() => {
      this.#res.writeStatus(statusLine(204));
      if (this.requestId !== undefined) this.#res.writeHeader('x-request-id', this.requestId);
      if (this.traceparent !== undefined) this.#res.writeHeader('traceparent', this.traceparent);
      for (const [name, value] of this.headers) this.#res.writeHeader(name, value);
      // An `undefined` here would be sent as a length of 2^63.
      if (this.closing) this.#res.endWithoutBody(0, true);
      else this.#res.endWithoutBody();
    });
  }

  send(
    status: number,
    contentType: string,
    body: Uint8Array | string,
    headers: readonly (readonly [string, string])[] = [],
  ): void {
    if (this.#over) return;
    this.#over = true;
    const res = this.#res;
    res.cork(() => {
      this.#begin(status, contentType);
      for (const [name, value] of headers) res.writeHeader(name, value);
      if (this.#head) res.endWithoutBody(Buffer.byteLength(body), this.closing);
      else if (this.closing) res.end(body, true);
      else this.#sendWhole(typeof body === 'string' ? Buffer.from(body) : body);
    });
  }

  /**
   * Sends what the socket takes and the rest as it drains, so that the answer waits here and not in the socket's own buffer, and the request
   * stays under way meanwhile: uWebSockets.js then ends a client that pipelines further requests without reading. A client for whose rest
   * there is no memory is ended, too.
   */
  #sendWhole(body: Uint8Array): void {
    const res = this.#res;
    const total = body.length;
    const before = res.getWriteOffset();
    const [, isDone] = res.tryEnd(body, total);
    if (isDone) return;
    const sent = res.getWriteOffset() - before;
    if (this.#unsent?.take(total - sent) === false) {
      res.close();
      return;
    }
    this.#unsentBytes = total - sent;
    // The body may lie in the reply buffer, which the next answer overwrites.
    const rest = body.slice(sent);
    res.onWritable((offset) => {
      const [isTaken, isAllTaken] = res.tryEnd(rest.subarray(offset - before - sent), total);
      if (isAllTaken) this.#taken();
      return isTaken;
    });
  }

  /**
   * Sends a body of known length piece by piece, each once the client has taken the one before. Resolves when all is sent or the client has gone; a client
   * that takes nothing for PIECE_SECONDS_MAX is ended.
   */
  async sendPieces(contentType: string, total: number, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const res = this.#res;
    if (this.#over) return;
    if (this.#head) {
      this.send(200, contentType, new Uint8Array(0));
      return;
    }
    let isBegun = false;
    try {
      for await (const piece of pieces) {
        if (this.#over) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          this.#stalled = setTimeout(() => res.close(), PIECE_SECONDS_MAX * 1000);
          res.cork(() => {
            if (!isBegun) this.#begin(200, contentType);
            isBegun = true;
            const before = res.getWriteOffset();
            const [isTaken, isAll] = res.tryEnd(piece, total);
            if (isAll) this.#over = true;
            if (isTaken || isAll) {
              resolve();
              return;
            }
            res.onWritable((offset) => {
              const [isRestTaken, isAllTaken] = res.tryEnd(piece.subarray(offset - before), total);
              if (isAllTaken) this.#over = true;
              if (isRestTaken || isAllTaken) resolve();
              return isRestTaken;
            });
          });
        });
        clearTimeout(this.#stalled);
      }
    } finally {
      clearTimeout(this.#stalled);
      // Shorter than it said, or the reading failed: the client must not take it for whole.
      if (!this.#over && isBegun) res.close();
    }
  }

  #begin(status: number, contentType: string): void {
    const res = this.#res;
    res.writeStatus(statusLine(status)).writeHeader('content-type', contentType);
    if (this.requestId !== undefined) res.writeHeader('x-request-id', this.requestId);
    if (this.traceparent !== undefined) res.writeHeader('traceparent', this.traceparent);
    for (const [name, value] of this.headers) res.writeHeader(name, value);
  }

  #taken(): void {
    this.#unsent?.give(this.#unsentBytes);
    this.#unsentBytes = 0;
  }
}

/** The code under which an error of any kind is counted and answered. */
export function asRazielError(error: unknown): RazielError {
  return error instanceof RazielError ? error : new RazielError('INTERNAL' satisfies ErrorCode, 'internal error');
}

function statusLine(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? ''}`;
}
