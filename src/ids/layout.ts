// The layout of an id: 64 bits of which the first is 0, then 41 of milliseconds since the epoch of ids, 10 of machine and 12 of sequence.
// Ids of one machine sort by when they were made, and two machines with numbers of their own never make the same.
//
//   decodeId(77669839702851584n)    // { ms: 18_517_932_821, machine: 0, sequence: 0 }
//
// Inside, an id without its machine is a *step*: milliseconds and sequence as one integer of 53 bits, which a number holds exactly.

import assert from 'node:assert/strict';

/** 2024-01-01T00:00:00Z. Ids last until 69 years after their epoch. */
export const ID_EPOCH_MS_DEFAULT = 1_704_067_200_000;

const MACHINE_BITS = 10n;
const SEQUENCE_BITS = 12n;
export const MACHINE_MAX = 2 ** 10 - 1;
export const STEPS_PER_MS = 2 ** 12;
export const ID_MS_MAX = 2 ** 41 - 1;
const ID_MAX = 2n ** 63n - 1n;

assert((ID_MS_MAX + 1) * STEPS_PER_MS - 1 === Number.MAX_SAFE_INTEGER);

export interface IdParts {
  /** Milliseconds since the epoch of ids, 0..ID_MS_MAX. */
  readonly ms: number;
  /** 0..1023. */
  readonly machine: number;
  /** 0..4095. */
  readonly sequence: number;
}

/** @param id 0..2^63 − 1; a larger one is none of this layout, and an assertion fails */
export function decodeId(id: bigint): IdParts {
  assert(isId(id));
  return {
    ms: Number(id >> (MACHINE_BITS + SEQUENCE_BITS)),
    machine: Number((id >> SEQUENCE_BITS) & BigInt(MACHINE_MAX)),
    sequence: Number(id & BigInt(STEPS_PER_MS - 1)),
  };
}

export function isId(id: bigint): boolean {
  return id >= 0n && id <= ID_MAX;
}

const pair = new Uint32Array(2);
const whole = new BigUint64Array(pair.buffer);
/** Which half of the pair is the low one on this machine. */
const LOW = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 0 : 1;
const HIGH = 1 - LOW;

/** The id of a step. Made of two halves, since arithmetic on bigints takes several times as long. */
export function idOfStep(step: number, machine: number): bigint {
  pair[HIGH] = highOfStep(step);
  pair[LOW] = lowOfStep(step, machine);
  return whole[0] as bigint;
}

/** The upper 32 bits of the id of a step. */
export function highOfStep(step: number): number {
  return Math.floor(step / (STEPS_PER_MS * 1024));
}

/** The lower 32 bits, unsigned. */
export function lowOfStep(step: number, machine: number): number {
  const ms = Math.floor(step / STEPS_PER_MS);
  // % of numbers past 32 bits takes 20 times as long.
  const msLow = ms - Math.floor(ms / 1024) * 1024;
  return ((msLow << 22) | (machine << 12) | (step - ms * STEPS_PER_MS)) >>> 0;
}
