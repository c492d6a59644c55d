// Fixes in batches, several of them in flight, and the answers counted. A batch that the server is too busy for is sent again:
// nothing is lost on the way. (Others may overtake it then; of a driver's fixes the newest still wins.)

import { setTimeout as delay } from 'node:timers/promises';
import { type FixRow, type LocationsAnswer, type RazielClient, RazielClientError } from '../client/index.ts';
import { FRAME_BYTES_MAX_DEFAULT } from '../limits.ts';
import type { Entry, TrackFix } from './entry.ts';
import { countCode, type LineFault, lineFault, type ReplaySummary } from './summary.ts';

export interface SenderOptions {
  readonly client: RazielClient;
  readonly files: readonly string[];
  readonly summary: ReplaySummary;
  readonly batchFixes: number;
  readonly batchesInFlight: number;
  /** For every fix, seconds; undefined leaves what the file says. */
  readonly ttlSeconds: number | undefined;
  readonly onFault: (fault: LineFault) => void;
}

/** Half of what a frame may hold: batches of long ids and many tags end before their number is full. */
const BATCH_BYTES_MAX = FRAME_BYTES_MAX_DEFAULT / 2;
const OVERLOADED_RETRY_MS = 50;
const OVERLOADED_CODES = new Set(['OVERLOADED', 'CLIENT_BUFFER_FULL']);

export class Sender {
  readonly #options: SenderOptions;
  #rows: FixRow[] = [];
  #entries: Entry[] = [];
  #bytes = 0;
  #inFlight = 0;
  #wake: (() => void)[] = [];
  #error: unknown;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Adds a fix; resolves when there is room for the next one. @throws what a batch failed with */
  add(entry: Entry, fix: TrackFix, timeMs: number | undefined): Promise<void> | undefined {
    this.#rows.push(rowOf(fix, timeMs, this.#options.ttlSeconds));
    this.#entries.push(entry);
    this.#bytes += bytesAtMost(fix);
    const isFull = this.#rows.length >= this.#options.batchFixes || this.#bytes >= BATCH_BYTES_MAX;
    return isFull ? this.flush() : undefined;
  }

  /** Sends what is gathered; resolves when another batch may be in flight. @throws what a batch failed with */
  async flush(): Promise<void> {
    this.#throwError();
    if (this.#rows.length === 0) return;
    const rows = this.#rows;
    const entries = this.#entries;
    this.#rows = [];
    this.#entries = [];
    this.#bytes = 0;
    this.#inFlight += 1;
    this.#send(rows, entries)
      .catch((error: unknown) => {
        this.#error ??= error;
      })
      .finally(() => {
        this.#inFlight -= 1;
        for (const wake of this.#wake.splice(0)) wake();
      });
    await this.#untilInFlight(this.#options.batchesInFlight - 1);
  }

  /** Sends what is gathered and waits for every answer. @throws what a batch failed with */
  async finish(): Promise<void> {
    await this.flush();
    await this.#untilInFlight(0);
  }

  async #untilInFlight(count: number): Promise<void> {
    while (this.#inFlight > count && this.#error === undefined)
      await new Promise<void>((wake) => this.#wake.push(wake));
    this.#throwError();
  }

  #throwError(): void {
    if (this.#error !== undefined) throw this.#error;
  }

  async #send(rows: readonly FixRow[], entries: readonly Entry[]): Promise<void> {
    for (;;) {
      try {
        this.#count(await this.#options.client.locations(rows), entries);
        return;
      } catch (error) {
        const code = error instanceof RazielClientError ? error.code : '';
        if (!OVERLOADED_CODES.has(code)) throw error;
        await delay(OVERLOADED_RETRY_MS);
      }
    }
  }

  #count(answer: LocationsAnswer, entries: readonly Entry[]): void {
    const { summary, files, onFault } = this.#options;
    summary.sent += entries.length;
    summary.accepted += answer.accepted;
    summary.stale += answer.stale;
    summary.duplicate += answer.duplicate;
    summary.rejected += answer.rejected.length;
    for (const { index, code, message } of answer.rejected) {
      countCode(summary.rejectedByCode, code);
      const entry = entries[index];
      if (entry !== undefined) onFault(lineFault(files, entry, code, message, true));
    }
  }
}

/** Of the encoded row: seven numbers and a string's head take up to 9 and 5 bytes, and a UTF-16 unit up to 3. */
function bytesAtMost({ id, tags }: TrackFix): number {
  let bytes = 7 * 9 + 5 + 3 * id.length;
  for (const tag of tags ?? []) bytes += 5 + 3 * tag.length;
  return bytes;
}

/** The shortest row that says it all: what is absent at the end is left out. */
function rowOf(fix: TrackFix, timeMs: number | undefined, ttlSeconds: number | undefined): FixRow {
  const row = [
    fix.id,
    fix.lat,
    fix.lon,
    timeMs ?? null,
    fix.heading ?? null,
    fix.speed ?? null,
    fix.accuracy ?? null,
    fix.tags ?? null,
    ttlSeconds ?? fix.ttl ?? null,
  ];
  let length = row.length;
  while (row[length - 1] === null) length -= 1;
  row.length = length;
  return row as unknown as FixRow;
}
