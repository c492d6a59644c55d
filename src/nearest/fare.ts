// What a trip may cost: the tariff of the zone where it begins, by distance and time.
//
//   estimateFare({ base: 3.5, perKm: 1.8, perMinute: 0.4, currency: 'USD' }, 5_200, 780)     // { amount: 18.06, currency: 'USD' }
//
// amount = base + perKm × kilometres + perMinute × minutes, rounded once, at the end, to the currency's minor unit (cents for USD, whole
// yen for JPY, thousandths for KWD), halves up.

import assert from 'node:assert/strict';
import type { Fare } from '../zones/policy.ts';

export interface FareEstimate {
  /** In units of the currency. */
  readonly amount: number;
  /** ISO 4217. */
  readonly currency: string;
}

/** Of the sums of decimals in binary: 1.005 × 100 is 100.49999999999999, and is meant as a half. */
const RELATIVE_ERROR = 1e-12;

/**
 * @param meters 0 or more
 * @param seconds 0 or more
 */
export function estimateFare(fare: Fare, meters: number, seconds: number): FareEstimate {
  assert(meters >= 0 && meters < Number.POSITIVE_INFINITY);
  assert(seconds >= 0 && seconds < Number.POSITIVE_INFINITY);
  const amount = fare.base + (fare.perKm * meters) / 1000 + (fare.perMinute * seconds) / 60;
  return { amount: roundToMinor(amount, minorDigits(fare.currency)), currency: fare.currency };
}

function roundToMinor(amount: number, digits: number): number {
  const scale = 10 ** digits;
  return Math.floor(amount * scale * (1 + RELATIVE_ERROR) + 0.5) / scale;
}

const digitsOf = new Map<string, number>();

/** Decimal places of a currency's minor unit; asking Intl takes 20 µs or more, so once for each. */
function minorDigits(currency: string): number {
  let digits = digitsOf.get(currency);
  if (digits === undefined) {
    const format = new Intl.NumberFormat('en', { style: 'currency', currency });
    digits = format.resolvedOptions().maximumFractionDigits ?? 2;
    digitsOf.set(currency, digits);
  }
  return digits;
}
