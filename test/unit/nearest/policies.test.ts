// Policies of places are made once for the same zones.

import { unpack } from 'msgpackr';
import { expect, test } from 'vitest';
import { Policies } from '../../../src/nearest/policies.ts';
import type { ZoneAnswer } from '../../../src/zones/zone-index.ts';

const zone = (id: string, properties: Record<string, unknown> | null): ZoneAnswer => ({ layer: 'a', id, properties });

const packedOf = (packed: Uint8Array): unknown => unpack(Buffer.concat([Uint8Array.of(0x82), packed]));

test('a place has the policy of its zones, and its answer beside it', () => {
  const { policy, packed } = new Policies().of([
    zone('low', { k: 3, radius: 900 }),
    zone('high', { priority: 1, k: 5 }),
  ]);
  expect(policy).toMatchObject({ k: 5, radiusMeters: 900, zones: ['a/high', 'a/low'] });
  expect(packedOf(packed)).toEqual({ zones: policy.zones, policy: { k: 'a/high', radius: 'a/low' } });
});

test('no zone is no policy', () => {
  const { policy, packed } = new Policies().of([]);
  expect(policy).toMatchObject({ pickup: true, zones: [] });
  expect(packedOf(packed)).toEqual({ zones: [], policy: {} });
});

test('the same zones have the same policy, whatever was asked between; some of them have another', () => {
  const policies = new Policies();
  const [a, b] = [zone('a', { k: 1 }), zone('b', { k: 2, radius: 5 })];
  const both = policies.of([a, b]);
  expect(policies.of([a]).policy).toMatchObject({ k: 1, radiusMeters: undefined });
  expect(policies.of([b]).policy).toMatchObject({ k: 2, radiusMeters: 5 });
  expect(policies.of([a, b])).toBe(both);
});

test('a zone that is published again has its new policy', () => {
  const policies = new Policies();
  expect(policies.of([zone('a', { k: 1 })]).policy.k).toBe(1);
  expect(policies.of([zone('a', { k: 2 })]).policy.k).toBe(2);
});
