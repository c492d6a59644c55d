// What the tracing thread counts, in shared memory, so that any serving thread can answer /metrics.

const METERS = [
  /** Spans sent to another server's collector, and those that could not be. */
  'sent',
  'sendFailures',
  /** Spans of other servers. */
  'received',
  /** Datagrams that were none. */
  'datagramsIgnored',
  /** Spans that an OpenTelemetry collector took, that it refused or did not answer for, and that found too many waiting. */
  'exported',
  'exportFailures',
  'exportDropped',
  /** Spans written to the archive, and those that could not be. */
  'archived',
  'archiveFailures',
  /** Spans held. */
  'spans',
] as const;
export type TraceMeter = (typeof METERS)[number];

export class TraceMeters {
  readonly shared: SharedArrayBuffer;
  readonly #slots: Float64Array;

  constructor(shared = new SharedArrayBuffer(METERS.length * 8)) {
    this.shared = shared;
    this.#slots = new Float64Array(shared);
  }

  /** For the tracing thread. */
  add(meter: TraceMeter, n: number): void {
    this.set(meter, this.get(meter) + n);
  }

  set(meter: TraceMeter, value: number): void {
    this.#slots[METERS.indexOf(meter)] = value;
  }

  get(meter: TraceMeter): number {
    return this.#slots[METERS.indexOf(meter)] as number;
  }
}
