// What readers make of a file, line by line: a fix to send, or why there is none.

/** A fix as a file has it. Units as in docs/protocol.md; undefined for what the file does not say. */
export interface TrackFix {
  readonly id: string;
  readonly lat: number;
  readonly lon: number;
  /** Milliseconds since the Unix epoch. */
  readonly timeMs: number | undefined;
  readonly heading: number | undefined;
  readonly speed: number | undefined;
  readonly accuracy: number | undefined;
  readonly tags: readonly string[] | undefined;
  readonly ttl: number | undefined;
}

/** Why a line is no fix. Codes are those of a rejected fix where one fits (BAD_LAT…), BAD_FIX for a line that is none at all. */
export interface Fault {
  readonly code: string;
  readonly message: string;
}

/** One line of a file (one track point for GPX). Blank lines and headers make no entry. */
export interface Entry {
  /** Position of its file in the list given. */
  readonly file: number;
  /** From 1. */
  readonly line: number;
  readonly fix: TrackFix | undefined;
  readonly fault: Fault | undefined;
}

/** The code of a file that ends before it should or cannot be read on; counts as one broken line. */
export const BAD_FILE = 'BAD_FILE';
