// Fares: the sum, and how it is rounded in currencies of different minor units.

import { expect, test } from 'vitest';
import { estimateFare } from '../../../src/nearest/fare.ts';

const USD = { base: 3.5, perKm: 1.8, perMinute: 0.4, currency: 'USD' };

test('adds the base, the kilometres and the minutes', () => {
  expect(estimateFare(USD, 5_200, 780)).toEqual({ amount: 18.06, currency: 'USD' });
  expect(estimateFare(USD, 0, 0)).toEqual({ amount: 3.5, currency: 'USD' });
});

test.each([
  ['USD', 1.005, 1.01],
  ['USD', 1.004_999, 1],
  ['USD', 2.675, 2.68],
  ['EUR', 0.015, 0.02],
  ['JPY', 499.5, 500],
  ['JPY', 499.49, 499],
  ['KWD', 1.2345, 1.235],
  ['KWD', 1.2344, 1.234],
  ['USD', 999_999.995, 1_000_000],
])('rounds %s %d to %d', (currency, base, amount) => {
  expect(estimateFare({ base, perKm: 0, perMinute: 0, currency }, 0, 0)).toEqual({ amount, currency });
});

test('rounds once, at the end', () => {
  // 0.004 and 0.004 are nothing each.
  expect(estimateFare({ base: 0.004, perKm: 0.004, perMinute: 0, currency: 'USD' }, 1_000, 0).amount).toBe(0.01);
});

test.each([
  [-1, 0],
  [0, -1],
  [Number.NaN, 0],
  [0, Number.POSITIVE_INFINITY],
])('does not take %d metres and %d seconds', (meters, seconds) => {
  expect(() => estimateFare(USD, meters, seconds)).toThrow();
});
