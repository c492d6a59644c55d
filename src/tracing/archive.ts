// Traces that outlive the collector's memory and the process, in LMDB, for a set time: the file traces.mdb in the data directory. It is a file
// of its own, since traces can be spared: they are not synced, never wait for room, and nothing else suffers when they cannot be written.
//
// meta    'format' → FORMAT
// traces  trace id → MessagePack of its spans, a list of lists
// times   [when its first span was stored in seconds since the Unix epoch, trace id] → empty

import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { nowMs } from '../clock.ts';
import { TRACE_ARCHIVE_BYTES_MAX, TRACE_ARCHIVE_PENDING_MAX, TRACE_SPANS_PER_TRACE_MAX } from '../limits.ts';
import type { TraceMeters } from '../metrics/trace-meters.ts';
import { packMessage, unpackMessage } from '../protocol/codec.ts';
import { isSound } from '../storage/file/data-file.ts';
import type { Span } from './span.ts';

const FILE = 'traces.mdb';
const FORMAT = 'raziel traces 1';
/** Traces forgotten in one go. */
const EXPIRED_MAX = 2_000;
/** Traces that one question may look at. */
const LOOKED_AT_MAX = 20_000;

interface PageCounts {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

type Time = [seconds: number, traceId: string];
type StoredSpan = [
  spanId: string,
  parentId: string | null,
  startMicros: number,
  durationMicros: number,
  name: string,
  from: string,
  host: string,
  error: string | null,
  flags: number,
  weight: number,
];

/**
 * Renames a file that LMDB must not open, as after a crash of the machine: nothing of it is synced.
 * @returns its new path
 */
export function putAsideDamaged(directory: string): string | undefined {
  const path = join(directory, FILE);
  if (!existsSync(path) || isSound(path)) return undefined;
  const aside = `${path}.damaged`;
  renameSync(path, aside);
  return aside;
}

export class TraceArchive {
  readonly #retentionSeconds: number;
  readonly #meters: TraceMeters;
  readonly #root: RootDatabase<Uint8Array, string>;
  readonly #traces: Database<Uint8Array, string>;
  readonly #times: Database<Uint8Array, Time>;
  readonly #bytesMax: number;
  readonly #pending = new Map<string, Span[]>();
  #pendingSpans = 0;

  /**
   * @param directory the data directory
   * @param bytesMax of the traces stored; past it the oldest go
   * @throws Error when the file cannot be opened, or is of another format
   */
  constructor(directory: string, retentionSeconds: number, meters: TraceMeters, bytesMax = TRACE_ARCHIVE_BYTES_MAX) {
    this.#retentionSeconds = retentionSeconds;
    this.#meters = meters;
    this.#bytesMax = bytesMax;
    this.#root = open<Uint8Array, string>({
      path: join(directory, FILE),
      noSubdir: true,
      noSync: true,
      maxDbs: 4,
      encoding: 'binary',
      cache: false,
      eventTurnBatching: false,
    });
    const meta = this.#root.openDB<string, string>({ name: 'meta', encoding: 'string', cache: false });
    const format = meta.get('format');
    if (format === undefined) meta.putSync('format', FORMAT);
    else if (format !== FORMAT) throw new Error(`${join(directory, FILE)} has the format ${JSON.stringify(format)}`);
    this.#traces = this.#root.openDB<Uint8Array, string>({ name: 'traces', encoding: 'binary', cache: false });
    this.#times = this.#root.openDB<Uint8Array, Time>({ name: 'times', encoding: 'binary', cache: false });
  }

  /** Keeps a span until the next `write`. */
  add(span: Span): void {
    if (this.#pendingSpans >= TRACE_ARCHIVE_PENDING_MAX) {
      this.#meters.add('archiveFailures', 1);
      return;
    }
    const spans = this.#pending.get(span.traceId);
    if (spans === undefined) this.#pending.set(span.traceId, [span]);
    else spans.push(span);
    this.#pendingSpans++;
  }

  /** Writes what has been added, and forgets what is past its time or past the bytes. What cannot be written is dropped and counted. */
  write(): void {
    const count = this.#pendingSpans;
    try {
      this.#root.transactionSync(() => this.#writePending());
      this.#meters.add('archived', count);
      this.#root.transactionSync(() => this.#expire(nowMs() / 1000 - this.#retentionSeconds));
    } catch {
      this.#meters.add('archiveFailures', count);
    }
    this.#pending.clear();
    this.#pendingSpans = 0;
  }

  spansOf(traceId: string): readonly Span[] | undefined {
    const pending = this.#pending.get(traceId) ?? [];
    const spans = [...(this.#read(traceId) ?? []), ...pending];
    return spans.length === 0 ? undefined : spans;
  }

  /** The traces stored, the newest first, a bounded number. */
  *newest(): Generator<readonly Span[]> {
    // In what waits to be written too are only traces that the collector has in memory.
    for (const [, traceId] of this.#times.getKeys({ reverse: true, limit: LOOKED_AT_MAX })) {
      const spans = this.#read(traceId);
      if (spans !== undefined) yield spans;
    }
  }

  async close(): Promise<void> {
    this.write();
    await this.#root.close();
  }

  #writePending(): void {
    const seconds = Math.floor(nowMs() / 1000);
    for (const [traceId, spans] of this.#pending) {
      const stored = this.#readStored(traceId);
      if (stored === undefined) this.#times.putSync([seconds, traceId], new Uint8Array(0));
      const known = new Set(stored?.map(([spanId]) => spanId));
      const all = [...(stored ?? []), ...spans.filter(({ spanId }) => !known.has(spanId)).map(storedOf)];
      this.#traces.putSync(traceId, packMessage(all.slice(0, TRACE_SPANS_PER_TRACE_MAX)));
    }
  }

  #expire(beforeSeconds: number): void {
    const isFull = this.#bytes > this.#bytesMax;
    // All at once: none is to be taken away under the cursor.
    const oldest = Array.from(this.#times.getKeys({ limit: EXPIRED_MAX }));
    for (const key of oldest) {
      if (!isFull && key[0] >= beforeSeconds) return;
      this.#forget(key);
    }
  }

  /** Of the pages in use; those that are free are used again. */
  get #bytes(): number {
    const { pageSize, treeBranchPageCount, treeLeafPageCount, overflowPages } = this.#traces.getStats() as PageCounts;
    return pageSize * (treeBranchPageCount + treeLeafPageCount + overflowPages);
  }

  #forget(key: Time): void {
    this.#traces.removeSync(key[1]);
    this.#times.removeSync(key);
  }

  #read(traceId: string): readonly Span[] | undefined {
    return this.#readStored(traceId)?.map((stored) => spanOf(traceId, stored));
  }

  #readStored(traceId: string): readonly StoredSpan[] | undefined {
    const bytes = this.#traces.get(traceId);
    if (bytes === undefined) return undefined;
    try {
      return unpackMessage(new Uint8Array(bytes)) as StoredSpan[];
    } catch {
      return undefined;
    }
  }
}

function storedOf(span: Span): StoredSpan {
  const { spanId, parentId, startMicros, durationMicros, name, from, host, error, flags, weight } = span;
  return [spanId, parentId ?? null, startMicros, durationMicros, name, from, host, error ?? null, flags, weight];
}

function spanOf(traceId: string, stored: StoredSpan): Span {
  const [spanId, parentId, startMicros, durationMicros, name, from, host, error, flags, weight] = stored;
  return {
    traceId,
    spanId,
    parentId: parentId ?? undefined,
    startMicros,
    durationMicros,
    name,
    from,
    host,
    error: error ?? undefined,
    flags,
    weight,
  };
}
