// Policies by zone: which zone's word counts, field by field, and what a request may still ask for.

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { effectivePolicy, NO_POLICY, type PolicyZone, withinPolicy } from '../../../src/nearest/policy.ts';
import { policyFaults, policyOf, type ZonePolicy } from '../../../src/zones/policy.ts';

const zone = (name: string, properties: Record<string, unknown>): PolicyZone => {
  const [layer, id] = name.split('/') as [string, string];
  expect(policyFaults(properties)).toEqual([]);
  return { layer, id, priority: (properties['priority'] as number | undefined) ?? 0, policy: policyOf(properties) };
};

describe('the policy of a pickup', () => {
  test('is to pick up anybody anywhere where no zone is', () => {
    expect(effectivePolicy([])).toBe(NO_POLICY);
    expect(NO_POLICY).toMatchObject({ pickup: true, zones: [], rules: {}, tags: [], notTags: [] });
  });

  test('takes each field from the first zone that has it, and names that zone', () => {
    const fare = { base: 5, perKm: 2, perMinute: 0.5, currency: 'USD' };
    const policy = effectivePolicy([
      zone('a/terminal', { k: 3 }),
      zone('a/airport', { k: 5, radius: 2_000, tags: ['airport'] }),
      zone('city/all', { radius: 9_000, notTags: ['shuttle'], fare }),
    ]);
    expect(policy).toEqual({
      zones: ['a/terminal', 'a/airport', 'city/all'],
      rules: { k: 'a/terminal', radius: 'a/airport', tags: 'a/airport', notTags: 'city/all', fare: 'city/all' },
      pickup: true,
      reason: undefined,
      tags: ['airport'],
      notTags: ['shuttle'],
      radiusMeters: 2_000,
      k: 3,
      fare,
    });
  });

  test('prefers priority over the names of layers, and keeps the order of lookups among equals', () => {
    const policy = effectivePolicy([
      zone('a/wide', { k: 1 }),
      zone('b/first', { priority: 2, k: 2 }),
      zone('b/second', { priority: 2, k: 3, radius: 10 }),
      zone('c/low', { priority: -1, k: 4, tags: ['x'] }),
    ]);
    expect(policy.zones).toEqual(['b/first', 'b/second', 'a/wide', 'c/low']);
    expect(policy.rules).toEqual({ k: 'b/first', radius: 'b/second', tags: 'c/low' });
    expect(policy.k).toBe(2);
  });

  test('lets a specific zone allow what a wider one forbids, and the other way round', () => {
    const closed = zone('a/square', { pickup: false, reason: 'a market is on' });
    const rank = zone('a/rank', { pickup: true, priority: 1 });
    expect(effectivePolicy([closed])).toMatchObject({ pickup: false, reason: 'a market is on' });
    expect(effectivePolicy([rank, closed])).toMatchObject({ pickup: true, rules: { pickup: 'a/rank' } });
    expect(effectivePolicy([rank, closed]).reason).toBeUndefined();
  });

  test('does not lend the reason of one zone to the refusal of another', () => {
    const policy = effectivePolicy([
      zone('a/near', { pickup: false }),
      zone('a/wide', { pickup: false, reason: 'a market is on' }),
    ]);
    expect(policy).toMatchObject({ pickup: false, rules: { pickup: 'a/near' } });
    expect(policy.reason).toBeUndefined();
  });

  test('counts an empty list of tags as an answer, and takes the fare whole', () => {
    const policy = effectivePolicy([
      zone('a/near', { tags: [], fare: { currency: 'JPY', base: 500 } }),
      zone('a/wide', { tags: ['xl'], fare: { currency: 'USD', perKm: 2 } }),
    ]);
    expect(policy.tags).toEqual([]);
    expect(policy.rules).toEqual({ tags: 'a/near', fare: 'a/near' });
    expect(policy.fare).toEqual({ currency: 'JPY', base: 500, perKm: 0, perMinute: 0 });
  });

  test('is what a slow and obvious definition says it is', () => {
    const policyArbitrary: fc.Arbitrary<ZonePolicy> = fc.record(
      {
        pickup: fc.boolean(),
        k: fc.integer({ min: 1, max: 9 }),
        radiusMeters: fc.integer({ min: 0, max: 9 }),
        tags: fc.subarray(['x', 'y']),
        notTags: fc.subarray(['z']),
      },
      { requiredKeys: [] },
    );
    const zones = fc.array(fc.record({ priority: fc.integer({ min: -1, max: 1 }), policy: policyArbitrary }), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(zones, (given) => {
        const all = given.map((one, i) => ({ ...one, layer: 'l', id: String(i) }));
        const policy = effectivePolicy(all);
        for (const [field, key] of [
          ['pickup', 'pickup'],
          ['k', 'k'],
          ['radius', 'radiusMeters'],
          ['tags', 'tags'],
          ['notTags', 'notTags'],
        ] as const) {
          const saying = all.filter((one) => one.policy[key] !== undefined);
          const best = saying.find((one) => saying.every((other) => other.priority <= one.priority));
          expect(policy.rules[field]).toBe(best && `l/${best.id}`);
          if (best !== undefined) expect(policy[key]).toEqual(best.policy[key]);
        }
      }),
      { seed: 1_414, numRuns: 500 },
    );
  });
});

describe('a request within a policy', () => {
  const policy = effectivePolicy([zone('a/b', { k: 5, radius: 2_000, tags: ['airport'], notTags: ['pool'] })]);
  const none = { k: undefined, radiusMeters: undefined, tags: undefined, notTags: undefined };

  test('has what the policy says where it asks for nothing in particular', () => {
    expect(withinPolicy(none, policy)).toEqual({
      k: 5,
      radiusMeters: 2_000,
      tags: ['airport'],
      notTags: ['pool'],
    });
    expect(withinPolicy(none, NO_POLICY)).toEqual(none);
  });

  test('may ask for less, not for more', () => {
    expect(withinPolicy({ ...none, k: 3, radiusMeters: 500 }, policy)).toMatchObject({ k: 3, radiusMeters: 500 });
    expect(withinPolicy({ ...none, k: 9, radiusMeters: 9_000 }, policy)).toMatchObject({ k: 5, radiusMeters: 2_000 });
  });

  test('has the tags of both, each once', () => {
    const asked = { ...none, tags: ['xl', 'airport'], notTags: ['pool', 'old'] };
    expect(withinPolicy(asked, policy)).toMatchObject({ tags: ['xl', 'airport'], notTags: ['pool', 'old'] });
    expect(withinPolicy(asked, NO_POLICY)).toEqual(asked);
  });
});
