// What zones may say about pickups: refused when the zone is uploaded, if it is none of it.

import { describe, expect, test } from 'vitest';
import { ZonesRefused } from '../../../src/zones/faults.ts';
import { ingestLayer } from '../../../src/zones/ingest.ts';
import { policyFaults, policyOf } from '../../../src/zones/policy.ts';

const SQUARE = {
  type: 'Polygon',
  coordinates: [
    [
      [0, 0],
      [1, 0],
      [1, 1],
      [0, 0],
    ],
  ],
};

function faultsOf(...properties: unknown[]) {
  const features = properties.map((each, i) => ({ type: 'Feature', id: `z${i}`, geometry: SQUARE, properties: each }));
  try {
    ingestLayer('a', { type: 'FeatureCollection', features });
    return [];
  } catch (error) {
    if (error instanceof ZonesRefused)
      return error.faults.map(({ code, feature, message }) => ({ code, feature, message }));
    throw error;
  }
}

describe('a policy in an upload', () => {
  test.each([
    {},
    { pickup: true },
    { pickup: false, reason: 'take the rank at arrivals' },
    { tags: [], notTags: ['pool'] },
    { tags: ['x'.repeat(64)], radius: 0, k: 1 },
    { radius: 1_000_000, k: 1_000 },
    { fare: { currency: 'USD' } },
    { fare: { base: 0, perKm: 1_000_000, perMinute: 0.001, currency: 'KWD' } },
    { pickup: null, tags: null, notTags: null, radius: null, k: null, fare: null },
    { fare: { base: null, currency: 'EUR' } },
    { reason: 42, name: 'a reason of its own, and no policy' },
  ])('may be %j', (properties) => {
    expect(faultsOf(properties)).toEqual([]);
  });

  test.each([
    ['pickup', 'no'],
    ['pickup', 0],
    ['tags', 'xl'],
    ['tags', ['a,b']],
    ['tags', ['']],
    ['tags', [7]],
    ['tags', ['x'.repeat(65)]],
    ['tags', Array.from({ length: 33 }, (_, i) => `t${i}`)],
    ['notTags', ['\ud800']],
    ['radius', -1],
    ['radius', 1_000_001],
    ['radius', '2 km'],
    ['k', 0],
    ['k', 1_001],
    ['k', 2.5],
    ['fare', 5],
    ['fare', {}],
    ['fare', { base: 1 }],
    ['fare', { base: -1, currency: 'USD' }],
    ['fare', { base: 1, currency: 'dollars' }],
    ['fare', { base: 1, currency: 'usd' }],
    ['fare', { base: 1, perkm: 2, currency: 'USD' }],
    ['fare', { base: 1_000_001, currency: 'USD' }],
  ])('may not have %s as %j', (name, value) => {
    const [fault, ...others] = faultsOf({ name: 'fine' }, { [name]: value });
    expect(others).toEqual([]);
    expect(fault).toMatchObject({ code: 'BAD_PROPERTIES', feature: 1 });
    expect(fault?.message).toMatch(new RegExp(`^properties.${name} must be .*, got `));
  });

  test('may not have a reason beside pickup that is no text', () => {
    expect(faultsOf({ pickup: false, reason: 7 })).toMatchObject([{ code: 'BAD_PROPERTIES' }]);
    expect(faultsOf({ pickup: false, reason: 'x'.repeat(201) })).toMatchObject([{ code: 'BAD_PROPERTIES' }]);
  });

  test('has all of its faults listed', () => {
    const properties = { pickup: 1, tags: 1, notTags: 1, radius: 'x', k: 'x', fare: 'x', priority: 'x' };
    expect(faultsOf(properties).map(({ code }) => code)).toEqual([...Array(6).fill('BAD_PROPERTIES'), 'BAD_PRIORITY']);
  });
});

test('the policy of a zone is its properties by our names, without what is null', () => {
  expect(policyOf(null)).toEqual({});
  const properties = { radius: 5, k: null, pickup: true, reason: 'none', fare: { base: null, currency: 'EUR' } };
  expect(policyFaults(properties)).toEqual([]);
  expect(policyOf(properties)).toEqual({
    pickup: true,
    radiusMeters: 5,
    fare: { base: 0, perKm: 0, perMinute: 0, currency: 'EUR' },
  });
});
