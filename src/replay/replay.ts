// Recorded tracks, sent to a server as if they happened now; docs/cli.md tells of times, speeds and counts.

import { setTimeout as delay } from 'node:timers/promises';
import type { RazielClient } from '../client/index.ts';
import { RazielError } from '../errors.ts';
import { TTL_SECONDS_MAX } from '../limits.ts';
import type { Entry } from './entry.ts';
import { mergeByTime, sortedByTime } from './merge.ts';
import { type FileReading, type ReadOptions, readTrack } from './read.ts';
import { type Speed, scheduleOf } from './schedule.ts';
import { Sender } from './sender.ts';
import { countCode, emptySummary, type LineFault, lineFault, type ReplaySummary } from './summary.ts';

export interface ReplayOptions {
  readonly files: readonly string[];
  readonly read: ReadOptions;
  readonly speed: Speed;
  /** Send the files' own times. */
  readonly keepTime: boolean;
  /** Begin again at the end, until `signal` says stop. */
  readonly loop: boolean;
  /** Put each file in order of time first, all of it in memory. */
  readonly sort: boolean;
  /** Stop at the first line that is no fix. */
  readonly strict: boolean;
  /** Seconds for every fix; `file` leaves what the file says. Default: 30 days at speed max, else `file`. */
  readonly ttl?: number | 'file';
  /** Fixes in a batch, at most. */
  readonly batchFixes: number;
  readonly signal?: AbortSignal;
  /** Each line that was not applied. */
  readonly onFault?: (fault: LineFault) => void;
  /** Now and then, while it goes on. */
  readonly onProgress?: (progress: ReplayProgress) => void;
}

export interface ReplayProgress {
  readonly summary: Readonly<ReplaySummary>;
  /** Bytes of the files read in this pass and in all. */
  readonly bytesRead: number;
  readonly bytesTotal: number;
  /** How far behind its schedule the feed is, milliseconds; 0 at speed max. */
  readonly lagMs: number;
}

/** Batches in flight: enough to keep a server busy while the next ones are read. */
const BATCHES_IN_FLIGHT = 16;
const PROGRESS_EVERY_MS = 100;

/** What the files hold, as far as it must be known before the first fix is sent. */
interface Span {
  firstMs: number | undefined;
  lastMs: number | undefined;
}

/** The latest time in the files: one pass over them without sending. */
async function scan(options: ReplayOptions): Promise<Span> {
  const span: Span = { firstMs: undefined, lastMs: undefined };
  for (const [index, path] of options.files.entries()) {
    const { entries } = await readTrack(path, index, options.read);
    for await (const group of entries) {
      if (options.signal?.aborted === true) return span;
      for (const { fix } of group) if (fix?.timeMs !== undefined) widen(span, fix.timeMs);
    }
  }
  return span;
}

/**
 * Replays the files through a connected client; the summary adds up also when the signal stopped it.
 * @throws RazielError BAD_REQUEST (a file's columns; in strict mode, its first broken line), RazielClientError when the server does not
 *   answer, and the system's error for a file that cannot be opened
 */
export async function replay(
  client: RazielClient,
  options: ReplayOptions,
  summary: ReplaySummary = emptySummary(),
): Promise<ReplaySummary> {
  const beganMs = performance.now();
  const now = await serverClock(client);
  const { speed, keepTime, loop, signal } = options;
  const needsScan = speed === 'max' && !keepTime && !loop;
  const lastMs = needsScan ? (await scan(options)).lastMs : undefined;
  const span: Span = { firstMs: undefined, lastMs: undefined };
  const ttl = options.ttl ?? (speed === 'max' ? TTL_SECONDS_MAX : 'file');
  const sender = new Sender({
    client,
    files: options.files,
    summary,
    batchFixes: options.batchFixes,
    batchesInFlight: BATCHES_IN_FLIGHT,
    ttlSeconds: ttl === 'file' ? undefined : ttl,
    onFault: options.onFault ?? (() => {}),
  });
  try {
    for (let again = true; again; ) {
      const linesBefore = summary.lines;
      summary.passes += 1;
      await onePass(sender, now, lastMs, span, options, summary);
      // Files without a line in them would be begun again for ever.
      again = loop && signal?.aborted !== true && summary.lines > linesBefore;
    }
    await sender.finish();
  } finally {
    summary.unanswered = summary.lines - summary.broken - summary.sent;
    if (span.firstMs !== undefined && span.lastMs !== undefined)
      summary.spanSeconds = (span.lastMs - span.firstMs) / 1000;
    summary.seconds = (performance.now() - beganMs) / 1000;
    summary.fixesPerSecond = summary.seconds > 0 ? Math.round(summary.sent / summary.seconds) : 0;
  }
  return summary;
}

async function onePass(
  sender: Sender,
  now: () => number,
  lastMs: number | undefined,
  span: Span,
  options: ReplayOptions,
  summary: ReplaySummary,
): Promise<void> {
  const { speed, keepTime, loop, strict, signal, files } = options;
  const schedule = scheduleOf({ speed, keepTime, loop, startMs: now(), lastMs, now });
  const readings: FileReading[] = [];
  for (const [index, path] of files.entries()) readings.push(await readTrack(path, index, options.read));
  const report = progressReporter(readings, options, summary);
  let latestMs = Number.NEGATIVE_INFINITY;
  const isStopped = (): boolean => signal?.aborted === true;
  const sources = readings.map((reading) => (options.sort ? sortedByTime(reading.entries) : reading.entries));
  for await (const entries of mergeByTime(sources)) {
    for (const entry of entries) {
      if (isStopped()) return;
      summary.lines += 1;
      const { fix } = entry;
      if (fix === undefined) {
        refuse(entry, strict, options, summary);
        continue;
      }
      if (fix.timeMs !== undefined) {
        widen(span, fix.timeMs);
        if (fix.timeMs < latestMs) summary.outOfOrder += 1;
        else latestMs = fix.timeMs;
      }
      const { dueMs, timeMs } = schedule(fix);
      let lagMs = dueMs === Number.NEGATIVE_INFINITY ? 0 : now() - dueMs;
      if (lagMs < 0) {
        await sender.flush();
        lagMs = await waitUntil(dueMs, now, signal, () => report(0));
        if (isStopped()) {
          // Neither sent nor broken: as if it had not been read.
          summary.lines -= 1;
          return;
        }
      }
      const room = sender.add(entry, fix, timeMs);
      if (room !== undefined) await room;
      report(lagMs);
    }
  }
  report(0, true);
}

/** Waits for the server's clock to come to `dueMs`, looking in now and then; returns by how much it is past it. */
async function waitUntil(
  dueMs: number,
  now: () => number,
  signal: AbortSignal | undefined,
  tick: () => void,
): Promise<number> {
  for (;;) {
    const lagMs = now() - dueMs;
    if (lagMs >= 0 || signal?.aborted === true) return Math.max(0, lagMs);
    tick();
    await delay(Math.min(-lagMs, PROGRESS_EVERY_MS), undefined, signal === undefined ? {} : { signal }).catch(() => {});
  }
}

function refuse(entry: Entry, strict: boolean, options: ReplayOptions, summary: ReplaySummary): void {
  const { code, message } = entry.fault as { code: string; message: string };
  summary.broken += 1;
  countCode(summary.brokenByCode, code);
  const fault = lineFault(options.files, entry, code, message, false);
  options.onFault?.(fault);
  if (strict) throw new RazielError('BAD_REQUEST', `${fault.file}:${fault.line}: ${code} ${message}`);
}

function progressReporter(
  readings: readonly FileReading[],
  { onProgress }: ReplayOptions,
  summary: ReplaySummary,
): (lagMs: number, last?: boolean) => void {
  const bytesTotal = readings.reduce((sum, reading) => sum + reading.bytesTotal, 0);
  let nextMs = 0;
  let calls = 0;
  return (lagMs, last = false) => {
    // The clock is looked at for one fix in 64, or when the feed waits anyway.
    calls += 1;
    if (onProgress === undefined || (!last && lagMs === 0 && calls % 64 !== 0)) return;
    const nowMs = performance.now();
    if (!last && nowMs < nextMs) return;
    nextMs = nowMs + PROGRESS_EVERY_MS;
    const bytesRead = readings.reduce((sum, reading) => sum + reading.bytesRead(), 0);
    onProgress({ summary, bytesRead, bytesTotal, lagMs });
  };
}

function widen(span: Span, timeMs: number): void {
  if (span.firstMs === undefined || timeMs < span.firstMs) span.firstMs = timeMs;
  if (span.lastMs === undefined || timeMs > span.lastMs) span.lastMs = timeMs;
}

/** The server's clock, told by its answer to a ping; behind it by up to that round trip, so that no fix lies in its future. */
async function serverClock(client: RazielClient): Promise<() => number> {
  const { time } = await client.ping();
  const answeredMs = performance.now();
  return () => time + (performance.now() - answeredMs);
}
