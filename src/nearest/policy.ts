// The policy for a pickup, from the zones that it is in: for each field what the most specific zone says that says anything about it.
//
//   const policy = effectivePolicy([{ layer: 'airport', id: 'arrivals', priority: 1, policy: policyOf({ k: 3 }) }, …]);
//   policy.k                // 3
//   policy.rules.k          // 'airport/arrivals'
//
// The more specific of two zones is the one with the higher `priority`, whatever its layer; of the same priority, the one that lookups
// name first: by layer (name), smaller area, id. Pure functions: whoever looks up the zones gives them here in that order.

import type { Fare, ZonePolicy } from '../zones/policy.ts';

/** A zone that the pickup is in. */
export interface PolicyZone {
  readonly layer: string;
  readonly id: string;
  /** `properties.priority`; 0 where there is none. */
  readonly priority: number;
  readonly policy: ZonePolicy;
}

/** A field of a policy, by the name that zones have for it. */
export type PolicyField = 'pickup' | 'tags' | 'notTags' | 'radius' | 'k' | 'fare';

export interface EffectivePolicy {
  /** `layer/id` of every zone that the pickup is in, the most specific first. */
  readonly zones: readonly string[];
  /** For each field that a zone sets, the `layer/id` whose rule applies. */
  readonly rules: Readonly<Partial<Record<PolicyField, string>>>;
  /** False where nobody may be picked up; true where no zone says otherwise. */
  readonly pickup: boolean;
  /** Why not; only beside a `pickup` of false. */
  readonly reason: string | undefined;
  /** Drivers must carry all of these; none when empty. */
  readonly tags: readonly string[];
  /** Drivers must carry none of these. */
  readonly notTags: readonly string[];
  readonly radiusMeters: number | undefined;
  readonly k: number | undefined;
  readonly fare: Fare | undefined;
}

const NO_TAGS: readonly string[] = [];
const NO_RULES = {};

/** Where no zone is. */
export const NO_POLICY: EffectivePolicy = {
  zones: [],
  rules: NO_RULES,
  pickup: true,
  reason: undefined,
  tags: NO_TAGS,
  notTags: NO_TAGS,
  radiusMeters: undefined,
  k: undefined,
  fare: undefined,
};

/** @param zones in the order of lookups; at most one of each `layer/id` */
export function effectivePolicy(zones: readonly PolicyZone[]): EffectivePolicy {
  if (zones.length === 0) return NO_POLICY;
  const ordered = bySpecificity(zones);
  const rules: Partial<Record<PolicyField, string>> = {};
  const names: string[] = [];
  let pickup = true;
  let reason: string | undefined;
  let tags = NO_TAGS;
  let notTags = NO_TAGS;
  let radiusMeters: number | undefined;
  let k: number | undefined;
  let fare: Fare | undefined;
  for (const { layer, id, policy } of ordered) {
    const name = `${layer}/${id}`;
    names.push(name);
    if (policy.pickup !== undefined && rules.pickup === undefined) {
      rules.pickup = name;
      pickup = policy.pickup;
      reason = policy.reason;
    }
    if (policy.tags !== undefined && rules.tags === undefined) {
      rules.tags = name;
      tags = policy.tags;
    }
    if (policy.notTags !== undefined && rules.notTags === undefined) {
      rules.notTags = name;
      notTags = policy.notTags;
    }
    if (policy.radiusMeters !== undefined && rules.radius === undefined) {
      rules.radius = name;
      radiusMeters = policy.radiusMeters;
    }
    if (policy.k !== undefined && rules.k === undefined) {
      rules.k = name;
      k = policy.k;
    }
    if (policy.fare !== undefined && rules.fare === undefined) {
      rules.fare = name;
      fare = policy.fare;
    }
  }
  return { zones: names, rules, pickup, reason, tags, notTags, radiusMeters, k, fare };
}

/** Most are in order already: those of one layer always are. */
function bySpecificity(zones: readonly PolicyZone[]): readonly PolicyZone[] {
  for (let i = 1; i < zones.length; i++) {
    if ((zones[i] as PolicyZone).priority > (zones[i - 1] as PolicyZone).priority) {
      // Sorting is stable: of equal priority the first stays the first.
      return zones.toSorted((a, b) => b.priority - a.priority);
    }
  }
  return zones;
}

/** What a request asks for that a policy has a say in; undefined where it asks for nothing in particular. */
export interface PolicySearch {
  readonly k: number | undefined;
  readonly radiusMeters: number | undefined;
  readonly tags: readonly string[] | undefined;
  readonly notTags: readonly string[] | undefined;
}

/**
 * A request within a policy. The policy's `k` and `radius` are what applies when the request names none, and the most that it may name; drivers must
 * satisfy the tags of both. A request may so ask for less than the policy allows, and never for more.
 */
export function withinPolicy(search: PolicySearch, policy: EffectivePolicy): PolicySearch {
  return {
    k: smaller(search.k, policy.k),
    radiusMeters: smaller(search.radiusMeters, policy.radiusMeters),
    tags: union(search.tags, policy.tags),
    notTags: union(search.notTags, policy.notTags),
  };
}

function smaller(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}

function union(a: readonly string[] | undefined, b: readonly string[]): readonly string[] | undefined {
  if (b.length === 0) return a;
  return a === undefined || a.length === 0 ? b : [...new Set([...a, ...b])];
}
