// Keeps a serving thread from keeping more for its clients than the server has memory for.
//
// Two things are watched. What the threads keep for clients (held requests, arriving bodies, answers not yet taken) is counted as it comes and
// goes, and past its share nothing more is kept: that is exact and acts at once. And the resident memory of the process, which knows of all
// else (half-sent frames inside the socket library, the garbage of two heaps, the index), is looked at ten times a second, off the way of
// requests:
//
//   pressure 0   below the high-water mark: everything as always
//   pressure 1   above it: only small requests with small answers are taken, the others are OVERLOADED; memory is given back to the system
//   pressure 2   close to the bound: connections that keep much are ended, too, then those that have said nothing whole for a while
//
// Each serving thread has one of these, and all come to the same result: what they read is the process's.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { RazielError } from '../errors.ts';
import type { Counters, CounterTotals } from '../metrics/counters.ts';

/** A request up to this size is taken under pressure, too. */
export const SMALL_BYTES = 4 * 1024;
const LOOK_MS = 100;
/** Memory is given back so often at most: it takes milliseconds. */
const GIVE_BACK_MS = 1_000;

const HIGH_WATER = 0.85;
const CRITICAL = 0.93;
/** Below this the pressure ends. */
const LOW_WATER = 0.8;

export type Pressure = 0 | 1 | 2;

/** What the transport asks before it keeps something. */
export interface MemoryRoom {
  readonly pressure: Pressure;
  /** Whether so many bytes more may be kept for clients. */
  hasRoom(bytes: number): boolean;
}

/** For tests, and wherever nothing is bounded. */
export const AMPLE_ROOM: MemoryRoom = { pressure: 0, hasRoom: () => true };

/** What a client hears whose request the memory does not allow for. */
export function shortOfMemory(): RazielError {
  return new RazielError('OVERLOADED', 'the server is short of memory; try again later, or ask for less');
}

export interface GuardOptions {
  /** Resident bytes that the process must stay below; 0 for no bound. */
  readonly maxBytes: number;
  /** Bytes that all threads may keep for clients. */
  readonly keptBytesMax: number;
  /** Whether this thread gives freed memory of the whole process back to the system. */
  readonly isFirst: boolean;
  /** Gives freed memory back to the system, where the native addon can. */
  readonly trim: (() => void) | undefined;
  /** For tests; the process's by default. */
  readonly residentBytes?: () => number;
}

export class MemoryGuard implements MemoryRoom {
  readonly #counters: Counters;
  readonly #totals: CounterTotals;
  readonly #options: GuardOptions;
  readonly #timer: NodeJS.Timeout | undefined;
  #pressure: Pressure = 0;
  #gaveBackAt = Number.NEGATIVE_INFINITY;
  /** Called at each look under pressure 2. */
  onCritical: () => void = () => {};

  constructor(counters: Counters, totals: CounterTotals, options: GuardOptions) {
    this.#counters = counters;
    this.#totals = totals;
    this.#options = options;
    if (options.maxBytes === 0) return;
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.#timer.unref();
  }

  get pressure(): Pressure {
    return this.#pressure;
  }

  hasRoom(bytes: number): boolean {
    if (this.#pressure === 2 || (this.#pressure === 1 && bytes > SMALL_BYTES)) return false;
    return this.#totals.keptBytes() + bytes <= this.#options.keptBytesMax;
  }

  /** Looks at the resident memory now. A read of /proc, which is memory and no disk: 20 µs. */
  look(): void {
    const { maxBytes, residentBytes = residentBytesOfProcess } = this.#options;
    const share = residentBytes() / maxBytes;
    if (share >= CRITICAL) this.#pressure = 2;
    else if (share >= HIGH_WATER) this.#pressure = 1;
    else if (share < LOW_WATER) this.#pressure = 0;
    else this.#pressure = this.#pressure === 0 ? 0 : 1;
    this.#counters.set('pressure', this.#pressure);
    if (this.#pressure === 0) return;
    if (this.#pressure === 2) this.onCritical();
    this.#giveBack();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** What was freed stays with the heaps until they are told; without this a past peak would keep the pressure up. */
  #giveBack(): void {
    const now = performance.now();
    if (now < this.#gaveBackAt + GIVE_BACK_MS) return;
    this.#gaveBackAt = now;
    collectGarbage();
    if (this.#options.isFirst) this.#options.trim?.();
  }
}

/** Bytes of one kind that a thread keeps for its clients. */
export class Kept {
  readonly #counters: Counters;
  readonly #room: MemoryRoom;
  readonly #kind: 'bodyBytes' | 'unsentBytes';

  constructor(counters: Counters, room: MemoryRoom, kind: 'bodyBytes' | 'unsentBytes') {
    this.#counters = counters;
    this.#room = room;
    this.#kind = kind;
  }

  /** Counts bytes as kept; false, and nothing counted, when there is no room for them. */
  take(bytes: number): boolean {
    if (!this.#room.hasRoom(bytes)) return false;
    this.#counters.add(this.#kind, bytes);
    return true;
  }

  /** They are kept no more. */
  give(bytes: number): void {
    this.#counters.add(this.#kind, -bytes);
  }
}

const residentBytesOfProcess = (): number => process.memoryUsage.rss();

let collect: (() => void) | undefined;

/** This thread's heap. Node hands the collector out only to those who ask V8 for it. */
export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}
