// The one error class for whatever a caller can cause. Codes are stable and part of the protocol; messages are for people
// and name both the rule and the value that broke it, so that nobody has to guess.
//
//   throw new RazielError('BAD_LAT', 'lat must be within -90..90, got 123.4', { field: 'lat' });

/** The HTTP status of every code. A code that is missing here cannot be thrown. */
export const STATUS_OF_CODE = {
  BAD_JSON: 400,
  BAD_MSGPACK: 400,
  BAD_REQUEST: 400,
  BAD_LAT: 400,
  BAD_LON: 400,
  BAD_ID: 400,
  BAD_K: 400,
  BAD_RADIUS: 400,
  BAD_LIMIT: 400,
  BAD_TAGS: 400,
  BAD_MAX_AGE: 400,
  BAD_BBOX: 400,
  BAD_GEOMETRY: 400,
  BAD_RESOLUTION: 400,
  BAD_RANK: 400,
  /** A number of ids out of range. */
  BAD_N: 400,
  /** A layer's name that breaks the rules for names. */
  BAD_LAYER: 400,
  /** Zones with faults; the error lists them (src/zones/faults.ts). */
  BAD_ZONES: 422,
  UNKNOWN_LAYER: 404,
  /** If-Match named another version than the layer has. */
  VERSION_CONFLICT: 412,
  SEARCH_TOO_WIDE: 422,
  /** A zone's policy allows no pickup there. */
  NO_PICKUP: 409,
  NOT_FOUND: 404,
  UNKNOWN_DRIVER: 404,
  UNKNOWN_ZONE: 404,
  /** No endpoint of that name (docs/tracing.md). */
  UNKNOWN_SERVICE: 404,
  UNKNOWN_TRACE: 404,
  METHOD_NOT_ALLOWED: 405,
  /** A body that did not come in time. */
  TIMED_OUT: 408,
  TOO_LARGE: 413,
  UNSUPPORTED_TYPE: 415,
  /** No token, or one that the server does not know. */
  UNAUTHENTICATED: 401,
  /** The token lacks the scope or may not write the id; or a browser came from a page or by a name that is not this server's. */
  FORBIDDEN: 403,
  /** The token has asked more than it may in a second. */
  RATE_LIMITED: 429,
  NOT_SUPPORTED: 501,
  OVERLOADED: 503,
  SHUTTING_DOWN: 503,
  /** The clock went back too far for ids to go on rising. */
  CLOCK_BACKWARD: 503,
  /** A step took longer than it may. */
  DEADLINE_EXCEEDED: 504,
  /** A travel-time service did not answer as it should. Seen in traces only: the search is answered by the default. */
  ETA_UNAVAILABLE: 503,
  /** The data directory takes no more: what was to be durable is not. */
  STORAGE_FULL: 507,
  /** A fault of the server's own; nothing that a client sends should bring it about. */
  INTERNAL: 500,
} as const;

export type ErrorCode = keyof typeof STATUS_OF_CODE;

/** Codes of a single rejected fix inside a batch; the batch itself is answered with 200. */
export const FIX_CODES = [
  'BAD_FIX',
  'BAD_ID',
  'BAD_LAT',
  'BAD_LON',
  'BAD_TIME',
  'FUTURE_TIME',
  'BAD_HEADING',
  'BAD_SPEED',
  'BAD_ACCURACY',
  'BAD_TAGS',
  'TOO_MANY_TAGS',
  'BAD_TTL',
  'ENGINE_FULL',
] as const;

export type FixCode = (typeof FIX_CODES)[number];

export interface RazielErrorDetail {
  /** The request's field at fault, as the client named it. */
  readonly field?: string;
  /** For a batch of searches: which one is at fault, from 0. */
  readonly index?: number;
}

export class RazielError extends Error {
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly index: number | undefined;

  constructor(code: ErrorCode, message: string, detail: RazielErrorDetail = {}) {
    super(message);
    this.name = 'RazielError';
    this.code = code;
    this.field = detail.field;
    this.index = detail.index;
  }

  get status(): number {
    return STATUS_OF_CODE[this.code];
  }

  /** The body that clients see: `{"code","message","field"?,"index"?}`. */
  toBody(): { code: string; message: string; field?: string; index?: number } {
    return {
      code: this.code,
      message: this.message,
      ...(this.field === undefined ? {} : { field: this.field }),
      ...(this.index === undefined ? {} : { index: this.index }),
    };
  }
}
