// What became of every line, in counts that add up: lines = broken + sent, and sent = accepted + stale + duplicate + rejected.

import type { Entry } from './entry.ts';

export interface ReplaySummary {
  /** Passes over the files that were begun; 1 without --loop. */
  passes: number;
  /** Lines read that should be a fix: no headers, no blank lines. For GPX, track points. */
  lines: number;
  /** Lines that are no fix and were not sent. */
  broken: number;
  brokenByCode: Record<string, number>;
  /** Fixes that the server has answered for. */
  sent: number;
  accepted: number;
  stale: number;
  duplicate: number;
  rejected: number;
  rejectedByCode: Record<string, number>;
  /** Fixes read or sent whose answer never came, because the replay was stopped or the server went away. */
  unanswered: number;
  /** Entries whose time lay before that of an entry in front of it. */
  outOfOrder: number;
  /** From the first to the last time in the files, seconds; absent when they have no times. */
  spanSeconds?: number;
  /** How long the replay took. */
  seconds: number;
  fixesPerSecond: number;
}

/** A line that was not applied, for people: where it is and why. */
export interface LineFault {
  readonly file: string;
  readonly line: number;
  readonly code: string;
  readonly message: string;
  /** True when the server refused it, false when it is no fix at all. */
  readonly rejected: boolean;
}

export function emptySummary(): ReplaySummary {
  return {
    passes: 0,
    lines: 0,
    broken: 0,
    brokenByCode: {},
    sent: 0,
    accepted: 0,
    stale: 0,
    duplicate: 0,
    rejected: 0,
    rejectedByCode: {},
    unanswered: 0,
    outOfOrder: 0,
    seconds: 0,
    fixesPerSecond: 0,
  };
}

export function countCode(byCode: Record<string, number>, code: string): void {
  byCode[code] = (byCode[code] ?? 0) + 1;
}

export function lineFault(
  files: readonly string[],
  entry: Entry,
  code: string,
  message: string,
  rejected: boolean,
): LineFault {
  return { file: files[entry.file] ?? '', line: entry.line, code, message, rejected };
}
