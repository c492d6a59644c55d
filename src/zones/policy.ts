// What a zone's properties may say about pickups in it, checked when the zone is uploaded. src/nearest/policy.ts makes one policy of the
// zones that a pickup is in; docs/zones.md has the table.
//
//   {"pickup": false, "reason": "take the rank at arrivals"}
//   {"tags": ["airport"], "radius": 2000, "k": 3, "fare": {"base": 5, "perKm": 1.8, "perMinute": 0.4, "currency": "USD"}}

import { z } from 'zod';
import {
  FARE_AMOUNT_MAX,
  K_MAX,
  POLICY_REASON_LENGTH_MAX,
  RADIUS_METERS_MAX,
  TAG_BYTES_MAX,
  TAGS_PER_DRIVER_MAX,
} from '../limits.ts';
import type { ZoneProperties } from './layer.ts';

/** The tariff of a zone, in units of its currency. */
export interface Fare {
  readonly base: number;
  readonly perKm: number;
  readonly perMinute: number;
  /** ISO 4217. */
  readonly currency: string;
}

/** What one zone says; what it does not say is undefined. */
export interface ZonePolicy {
  /** False where nobody is to be picked up. */
  readonly pickup?: boolean | undefined;
  /** Why not, for people. */
  readonly reason?: string | undefined;
  /** Drivers must carry all of these. */
  readonly tags?: readonly string[] | undefined;
  /** Drivers must carry none of these. */
  readonly notTags?: readonly string[] | undefined;
  readonly radiusMeters?: number | undefined;
  readonly k?: number | undefined;
  readonly fare?: Fare | undefined;
}

const CURRENCIES: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'));

const tagList = z
  .array(
    z
      .string()
      .refine((tag) => tag !== '' && !tag.includes(',') && !/\p{Surrogate}/u.test(tag))
      .refine((tag) => Buffer.byteLength(tag) <= TAG_BYTES_MAX),
  )
  .max(TAGS_PER_DRIVER_MAX);
const amount = z.number().min(0).max(FARE_AMOUNT_MAX);

/** Each property alone, and what it must be. Null is absent. */
const RULES: Readonly<Record<string, { readonly schema: z.ZodType; readonly must: string }>> = {
  pickup: { schema: z.boolean(), must: 'true or false' },
  tags: {
    schema: tagList,
    must: `a list of at most ${TAGS_PER_DRIVER_MAX} tags of 1..${TAG_BYTES_MAX} bytes without a comma`,
  },
  notTags: {
    schema: tagList,
    must: `a list of at most ${TAGS_PER_DRIVER_MAX} tags of 1..${TAG_BYTES_MAX} bytes without a comma`,
  },
  radius: { schema: z.number().min(0).max(RADIUS_METERS_MAX), must: `a number within 0..${RADIUS_METERS_MAX}` },
  k: { schema: z.number().int().min(1).max(K_MAX), must: `an integer within 1..${K_MAX}` },
  fare: {
    schema: z.strictObject({
      base: amount.nullish(),
      perKm: amount.nullish(),
      perMinute: amount.nullish(),
      currency: z.string().refine((code) => CURRENCIES.has(code)),
    }),
    must: `{base, perKm, perMinute, currency}: amounts within 0..${FARE_AMOUNT_MAX} and an ISO 4217 code`,
  },
};
const REASON = z.string().min(1).max(POLICY_REASON_LENGTH_MAX);

/** What is wrong with the policy in a zone's properties, a sentence for each property; empty when nothing is. */
export function policyFaults(properties: ZoneProperties): string[] {
  if (properties === null) return [];
  const faults: string[] = [];
  for (const name in RULES) {
    const { schema, must } = RULES[name] as (typeof RULES)[string];
    const value = properties[name];
    if (value === undefined || value === null || schema.safeParse(value).success) continue;
    faults.push(`properties.${name} must be ${must}, got ${show(value)}`);
  }
  // A word that zones use for other things too: it is a policy's only beside pickup.
  const { pickup, reason } = properties;
  if (typeof pickup === 'boolean' && reason !== undefined && reason !== null && !REASON.safeParse(reason).success) {
    faults.push(
      `properties.reason must be a text of 1..${POLICY_REASON_LENGTH_MAX} characters beside pickup, got ${show(reason)}`,
    );
  }
  return faults;
}

/** The policy in the properties of a zone that was accepted. */
export function policyOf(properties: ZoneProperties): ZonePolicy {
  if (properties === null) return {};
  // policyFaults had nothing to say about them.
  const { pickup, reason, tags, notTags, radius, k, fare } = properties as {
    readonly [name: string]: undefined;
  } & RawPolicy;
  return {
    pickup: pickup ?? undefined,
    reason: pickup === false ? (reason ?? undefined) : undefined,
    tags: tags ?? undefined,
    notTags: notTags ?? undefined,
    radiusMeters: radius ?? undefined,
    k: k ?? undefined,
    fare: fare ? fareOf(fare) : undefined,
  };
}

interface RawPolicy {
  readonly pickup?: boolean | null;
  readonly reason?: string | null;
  readonly tags?: readonly string[] | null;
  readonly notTags?: readonly string[] | null;
  readonly radius?: number | null;
  readonly k?: number | null;
  readonly fare?: RawFare | null;
}

interface RawFare {
  readonly base?: number | null;
  readonly perKm?: number | null;
  readonly perMinute?: number | null;
  readonly currency: string;
}

function fareOf({ base, perKm, perMinute, currency }: RawFare): Fare {
  return { base: base ?? 0, perKm: perKm ?? 0, perMinute: perMinute ?? 0, currency };
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
