// The one error class of the client: what the server answered with, and what the client itself found.

/** Codes that only the client makes; every other code comes from the server as it is. */
export type ClientCode =
  /** The first connection could not be made. */
  | 'CONNECT_FAILED'
  /** The connection ended before the answer, and the request must not, or can no longer, be sent again. */
  | 'CONNECTION_LOST'
  /** No answer within the request's time. It may have been applied. */
  | 'TIMEOUT'
  /** Too much is waiting (`pendingMax`, `pendingBytesMax`); the request was not taken. */
  | 'CLIENT_BUFFER_FULL'
  /** Given up for newer locations, as `overflow: 'drop-oldest'` asks. */
  | 'CLIENT_DROPPED'
  /** `close()` was called. */
  | 'CLIENT_CLOSED'
  /** The request is larger than a frame may be; it was not sent. */
  | 'TOO_LARGE'
  /** The URL is none that the client can use. */
  | 'BAD_URL'
  /** The server answered something that is not of the protocol. */
  | 'BAD_ANSWER';

export class RazielClientError extends Error {
  /** One of ClientCode, or the server's code, such as BAD_LAT. */
  readonly code: string;
  /** The request's field at fault, when there is one. */
  readonly field: string | undefined;
  /** Which search of a multisearch is at fault, from 0. */
  readonly index: number | undefined;

  constructor(
    code: ClientCode | (string & {}),
    message: string,
    detail: { field?: string | undefined; index?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'RazielClientError';
    this.code = code;
    this.field = detail.field;
    this.index = detail.index;
  }
}
