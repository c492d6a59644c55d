// What the bits of an id are.

import { expect, test } from 'vitest';
import { decodeId, ID_MS_MAX, idOfStep, isId, MACHINE_MAX, STEPS_PER_MS } from '../../../src/ids/layout.ts';

test('takes an id of 2014 apart', () => {
  expect(decodeId(77669839702851584n)).toEqual({ ms: 18_517_932_821, machine: 0, sequence: 0 });
});

test.each([
  [0, 0, 0],
  [0, 0, 1],
  [1, 0, 0],
  [0, 1, 0],
  [1023, 1023, 4095],
  [1024, 1023, 4095],
  [2 ** 31 - 1, 512, 2048],
  [2 ** 31, 511, 2047],
  [2 ** 32, 0, 0],
  [18_517_932_821, 0, 0],
  [91_357_456_789, 7, 4095],
  [ID_MS_MAX, MACHINE_MAX, 4095],
])('makes an id of %i ms, machine %i and sequence %i, and takes it apart again', (ms, machine, sequence) => {
  const id = idOfStep(ms * STEPS_PER_MS + sequence, machine);
  expect(id).toBe((BigInt(ms) << 22n) | (BigInt(machine) << 12n) | BigInt(sequence));
  expect(decodeId(id)).toEqual({ ms, machine, sequence });
});

test('knows that an id is positive and has 63 bits', () => {
  expect([0n, 2n ** 63n - 1n].every(isId)).toBe(true);
  expect([-1n, 2n ** 63n].some(isId)).toBe(false);
});
