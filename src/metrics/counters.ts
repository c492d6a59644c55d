// The counters of all serving threads, in one block of shared memory: each thread writes its own row, any thread can sum them
// and answer /metrics for all. A slot is a float64 that only its thread writes, so that counting is a plain increment.

import { type ErrorCode, STATUS_OF_CODE } from '../errors.ts';

/** What requests are counted under. `other` is everything that is none of the operations: health, metrics, unknown paths and ops. */
export const COUNTED_OPS = [
  'locations',
  'nearest',
  'within',
  'multisearch',
  'driver',
  'remove',
  'supply',
  'ids',
  'zonesAt',
  'zones',
  'ping',
  'call',
  'other',
] as const;
export type CountedOp = (typeof COUNTED_OPS)[number];

export const TRANSPORTS = ['http', 'ws'] as const;
export type Transport = (typeof TRANSPORTS)[number];

export const FIX_OUTCOMES = ['accepted', 'stale', 'duplicate', 'rejected'] as const;

/** Upper bounds of the latency histogram, in microseconds; one bucket more for what is longer. */
export const BUCKET_MICROS = [
  5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 1_000_000,
] as const;

export const ERROR_CODES = Object.keys(STATUS_OF_CODE) as ErrorCode[];

/** Gauges and counters that have one value a thread. */
const SINGLES = [
  'httpConnections',
  'webSockets',
  'webSocketsOpened',
  'heldRequests',
  'heldBytes',
  'heldTotal',
  'bodyBytes',
  'unsentBytes',
  'pressure',
  'shed',
  'overloaded',
  'closedSlow',
  'closedBroken',
  'closedTooLarge',
  'closedMemory',
  'refusedConnections',
  'abortedRequests',
  'loopDelayP99Seconds',
  'loopDelayMaxSeconds',
  'etaAnswered',
  'etaPartial',
  'etaLate',
  'etaUnreachable',
  'etaBadStatus',
  'etaRefused',
  'etaInvalid',
  'etaBusy',
  'etaBreakerOpen',
  'etaWaiting',
  'etaBreakerOpened',
  'etaLeftAlone',
] as const;
export type Single = (typeof SINGLES)[number];

const BUCKETS = BUCKET_MICROS.length + 1;
const REQUESTS_AT = 0;
const BUCKETS_AT = REQUESTS_AT + COUNTED_OPS.length * TRANSPORTS.length;
const MICROS_AT = BUCKETS_AT + COUNTED_OPS.length * BUCKETS;
const ERRORS_AT = MICROS_AT + COUNTED_OPS.length;
const FIXES_AT = ERRORS_AT + ERROR_CODES.length;
const SINGLES_AT = FIXES_AT + FIX_OUTCOMES.length;
/** Rows begin on cache lines of their own. */
const ROW_SLOTS = Math.ceil((SINGLES_AT + SINGLES.length) / 16) * 16;

const OP_INDEX = new Map<string, number>(COUNTED_OPS.map((op, index) => [op, index]));
const ERROR_SLOT = new Map<string, number>(ERROR_CODES.map((code, index) => [code, ERRORS_AT + index]));
const SINGLE_SLOT = Object.fromEntries(SINGLES.map((name, index) => [name, SINGLES_AT + index])) as Record<
  Single,
  number
>;
// Looked up once: these are counted for every frame of a flood, and a lookup takes longer than the counting.
const { heldRequests: HELD_REQUESTS, heldBytes: HELD_BYTES, heldTotal: HELD_TOTAL } = SINGLE_SLOT;
const KEPT_BYTES = [HELD_BYTES, SINGLE_SLOT.bodyBytes, SINGLE_SLOT.unsentBytes] as const;

export function allocateCounters(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * ROW_SLOTS * 8);
}

/** The row of one thread, to count into. */
export class Counters {
  readonly #slots: Float64Array;

  constructor(shared: SharedArrayBuffer, thread: number) {
    this.#slots = new Float64Array(shared, thread * ROW_SLOTS * 8, ROW_SLOTS);
  }

  request(op: CountedOp, transport: Transport, micros: number): void {
    this.requestAt(OP_INDEX.get(op) as number, transport === 'http' ? 0 : 1, micros);
  }

  /** As `request`, by the indices in COUNTED_OPS and TRANSPORTS. */
  requestAt(op: number, transport: number, micros: number): void {
    const slots = this.#slots;
    let bucket = 0;
    while (bucket < BUCKET_MICROS.length && micros > (BUCKET_MICROS[bucket] as number)) bucket++;
    add(slots, REQUESTS_AT + op * TRANSPORTS.length + transport, 1);
    add(slots, BUCKETS_AT + op * BUCKETS + bucket, 1);
    add(slots, MICROS_AT + op, micros);
  }

  error(code: ErrorCode): void {
    add(this.#slots, ERROR_SLOT.get(code) as number, 1);
  }

  fixes(accepted: number, stale: number, duplicate: number, rejected: number): void {
    const slots = this.#slots;
    add(slots, FIXES_AT, accepted);
    add(slots, FIXES_AT + 1, stale);
    add(slots, FIXES_AT + 2, duplicate);
    add(slots, FIXES_AT + 3, rejected);
  }

  add(name: Single, n: number): void {
    add(this.#slots, SINGLE_SLOT[name], n);
  }

  /** A request is held from now on. */
  hold(bytes: number): void {
    const slots = this.#slots;
    add(slots, HELD_TOTAL, 1);
    add(slots, HELD_REQUESTS, 1);
    add(slots, HELD_BYTES, bytes);
  }

  /** A request is no longer held. */
  unhold(bytes: number): void {
    const slots = this.#slots;
    add(slots, HELD_REQUESTS, -1);
    add(slots, HELD_BYTES, -bytes);
  }

  set(name: Single, value: number): void {
    this.#slots[SINGLE_SLOT[name]] = value;
  }
}

function add(slots: Float64Array, slot: number, n: number): void {
  slots[slot] = (slots[slot] as number) + n;
}

/** All rows, to read from. */
export class CounterTotals {
  readonly #rows: Float64Array[] = [];

  constructor(shared: SharedArrayBuffer) {
    for (let at = 0; at < shared.byteLength; at += ROW_SLOTS * 8)
      this.#rows.push(new Float64Array(shared, at, ROW_SLOTS));
  }

  get threads(): number {
    return this.#rows.length;
  }

  requests(op: CountedOp, transport: Transport): number {
    return this.#sum(REQUESTS_AT + (OP_INDEX.get(op) as number) * TRANSPORTS.length + TRANSPORTS.indexOf(transport));
  }

  /** Requests by bucket of BUCKET_MICROS, not cumulative, the last for what is longer. */
  buckets(op: CountedOp): number[] {
    const at = BUCKETS_AT + (OP_INDEX.get(op) as number) * BUCKETS;
    return Array.from({ length: BUCKETS }, (_, bucket) => this.#sum(at + bucket));
  }

  micros(op: CountedOp): number {
    return this.#sum(MICROS_AT + (OP_INDEX.get(op) as number));
  }

  errors(code: ErrorCode): number {
    return this.#sum(ERROR_SLOT.get(code) as number);
  }

  fixes(outcome: (typeof FIX_OUTCOMES)[number]): number {
    return this.#sum(FIXES_AT + FIX_OUTCOMES.indexOf(outcome));
  }

  single(name: Single): number {
    return this.#sum(SINGLE_SLOT[name]);
  }

  /** Bytes that are kept for clients: held, of bodies, and unsent. */
  keptBytes(): number {
    const rows = this.#rows;
    let sum = 0;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] as Float64Array;
      sum += (row[KEPT_BYTES[0]] as number) + (row[KEPT_BYTES[1]] as number) + (row[KEPT_BYTES[2]] as number);
    }
    return sum;
  }

  singleOf(thread: number, name: Single): number {
    return this.#rows[thread]?.[SINGLE_SLOT[name]] ?? 0;
  }

  #sum(slot: number): number {
    let sum = 0;
    for (const row of this.#rows) sum += row[slot] as number;
    return sum;
  }
}
