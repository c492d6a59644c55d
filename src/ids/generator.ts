// Makes 64-bit ids that strictly increase over all threads of the process (layout.ts). The last step given out is one word that all
// threads share; a thread takes the next one, or the next thousand, by one compare-and-exchange:
//
//   first = max(last + 1, now)        last = first + n − 1
//
// So a full millisecond goes on into the next without waiting for it, and a clock that went back a little is not followed: ids then run
// ahead of the clock, by IDS_AHEAD_MS_MAX at most. Past that they are refused.
//
//   const ids = new IdGenerator(allocateIds(), 0, ID_EPOCH_MS_DEFAULT, nowMs);
//   ids.next()       // 323485892485349376n

import assert from 'node:assert/strict';
import { RazielError } from '../errors.ts';
import { IDS_AHEAD_MS_MAX, IDS_PER_REQUEST_MAX } from '../limits.ts';
import { ID_MS_MAX, idOfStep, MACHINE_MAX, STEPS_PER_MS } from './layout.ts';

// Slots of 8 bytes in the shared block; the word that is written all the time has a cache line of its own.
const LAST = 0;
const RESERVED = 16;
const SEEN = 17;
const FULL = 18;
const SLOTS = 32;

/** The block that the generators of all threads share. Until something reserves less (reservation.ts), every id may be given out. */
export function allocateIds(): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(SLOTS * 8);
  new BigInt64Array(shared)[LAST] = -1n;
  const numbers = new Float64Array(shared);
  numbers[RESERVED] = Number.POSITIVE_INFINITY;
  numbers[SEEN] = Number.NEGATIVE_INFINITY;
  return shared;
}

export class IdGenerator {
  readonly machine: number;
  readonly epochMs: number;
  readonly #now: () => number;
  readonly #words: BigInt64Array;
  readonly #numbers: Float64Array;

  /**
   * @param shared of allocateIds, the same in every thread
   * @param machine 0..1023, another one in every process that makes ids for the same purpose
   * @param epochMs since the Unix epoch
   * @param now milliseconds since the Unix epoch
   */
  constructor(shared: SharedArrayBuffer, machine: number, epochMs: number, now: () => number) {
    assert(Number.isInteger(machine) && machine >= 0 && machine <= MACHINE_MAX);
    assert(Number.isInteger(epochMs));
    this.machine = machine;
    this.epochMs = epochMs;
    this.#now = now;
    this.#words = new BigInt64Array(shared);
    this.#numbers = new Float64Array(shared);
  }

  /** @throws RazielError as takeSteps */
  next(): bigint {
    const step = this.#one();
    if (step < 0) throw this.#refusal(1);
    return idOfStep(step, this.machine);
  }

  /** The next id, or undefined where `next` would throw: for those who can do without, such as the id of a request. */
  tryNext(): bigint | undefined {
    const step = this.#one();
    return step < 0 ? undefined : idOfStep(step, this.machine);
  }

  /**
   * The next `n` ids, rising, by one look at the shared word. Other threads' ids are not among them.
   * @throws RazielError as takeSteps
   */
  take(n: number): BigUint64Array {
    const first = this.takeSteps(n);
    const ids = new BigUint64Array(n);
    for (let i = 0; i < n; i++) ids[i] = idOfStep(first + i, this.machine);
    return ids;
  }

  /**
   * The first of `n` steps in a row, to be made ids by idOfStep.
   * @throws RazielError CLOCK_BACKWARD when the clock went back so far that ids would be more than IDS_AHEAD_MS_MAX ahead of it;
   *   OVERLOADED when they would be because so many were asked for, or when none are reserved; STORAGE_FULL when none can be
   */
  takeSteps(n: number): number {
    assert(n >= 1 && n <= IDS_PER_REQUEST_MAX);
    const nowStep = this.#look();
    const first = this.#take(n, nowStep, this.#end(nowStep));
    if (first < 0) throw this.#refusal(n);
    return first;
  }

  /** The last step given out; −1 for none. */
  get last(): number {
    return Number(Atomics.load(this.#words, LAST));
  }

  /** The clock as a step. */
  get nowStep(): number {
    return (this.#now() - this.epochMs) * STEPS_PER_MS;
  }

  /** Every later id comes after this step, in all threads. */
  startAfter(step: number): void {
    const { last } = this;
    if (step > last) Atomics.store(this.#words, LAST, BigInt(step));
    this.#numbers[SEEN] = Math.max(this.#numbers[SEEN] as number, Math.floor(step / STEPS_PER_MS) + this.epochMs);
  }

  /** No step past this one is given out. */
  reserve(step: number): void {
    this.#numbers[RESERVED] = step;
    this.#numbers[FULL] = 0;
  }

  /** Until something is reserved again, whoever asks for more than there is hears STORAGE_FULL. */
  reserveFailed(): void {
    this.#numbers[FULL] = 1;
  }

  /**
   * The next step, or −1. The last one plus one is tried first, which is right for all ids of a millisecond but the first: adding takes a
   * third of the time of a compare-and-exchange of bigints.
   */
  #one(): number {
    const nowStep = this.#look();
    const end = this.#end(nowStep);
    const held = Atomics.add(this.#words, LAST, 1n);
    const step = Number(held) + 1;
    if (step < nowStep) return this.#take(1, nowStep, end);
    if (step <= end) return step;
    // Nobody was given it. Where others have added to it meanwhile, theirs are past the end too.
    Atomics.compareExchange(this.#words, LAST, held + 1n, held);
    return -1;
  }

  /** The first of `n` steps, or −1. */
  #take(n: number, nowStep: number, end: number): number {
    for (;;) {
      const held = Atomics.load(this.#words, LAST);
      const first = Math.max(Number(held) + 1, nowStep);
      const last = first + n - 1;
      if (last > end) return -1;
      if (Atomics.compareExchange(this.#words, LAST, held, BigInt(last)) === held) return first;
    }
  }

  /** The clock as a step. */
  #look(): number {
    const nowMs = this.#now();
    // What a refusal is called by. Threads may overwrite one another's reading here by one that is a little older.
    if (nowMs > (this.#numbers[SEEN] as number)) this.#numbers[SEEN] = nowMs;
    return (nowMs - this.epochMs) * STEPS_PER_MS;
  }

  /** The last step that may be given out. */
  #end(nowStep: number): number {
    const reserved = this.#numbers[RESERVED] as number;
    return Math.min(nowStep + IDS_AHEAD_MS_MAX * STEPS_PER_MS, ID_MS_MAX * STEPS_PER_MS, reserved);
  }

  #refusal(n: number): RazielError {
    const nowMs = this.#now();
    const first = Math.max(this.last + 1, this.nowStep);
    const aheadMs = Math.floor(first / STEPS_PER_MS) + this.epochMs - nowMs;
    if (aheadMs <= IDS_AHEAD_MS_MAX && first + n > (this.#numbers[RESERVED] as number)) {
      if (this.#numbers[FULL] === 1) return new RazielError('STORAGE_FULL', 'no further ids can be reserved on disk');
      return new RazielError('OVERLOADED', 'the ids that are reserved on disk are given out; try again');
    }
    if (nowMs < this.epochMs || nowMs < (this.#numbers[SEEN] as number)) {
      return new RazielError(
        'CLOCK_BACKWARD',
        `ids run at most ${IDS_AHEAD_MS_MAX} ms ahead of the clock, got one ${aheadMs} ms ahead: the clock has gone back`,
      );
    }
    return new RazielError(
      'OVERLOADED',
      `a machine makes ${STEPS_PER_MS} ids a millisecond, and those of the next ${IDS_AHEAD_MS_MAX} ms are given out`,
    );
  }
}
