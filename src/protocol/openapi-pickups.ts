// What the OpenAPI document says of searches for a pickup: travel times, policies, fares, groups.

import { GROUPS_MAX } from '../limits.ts';
import type { Schema } from './openapi-schemas.ts';

const ZONE: Schema = { type: 'string', pattern: '^[^/]+/.+$', description: '`layer/id`.' };
const POLICY_FIELDS = ['pickup', 'tags', 'notTags', 'radius', 'k', 'fare'];

const number = (description: string): Schema => ({ type: 'number', minimum: 0, description });

/** In the body of a nearest search, beside the parameters of its query string. */
export const GROUPS: Schema = {
  type: 'array',
  items: { type: 'array', items: { type: 'string' } },
  minItems: 1,
  maxItems: GROUPS_MAX,
  description: 'Lists of tags: the best k drivers that carry all of each, in one list, a driver once.',
};

/** Of a driver, with `rank=eta`. */
export const ETA: Readonly<Record<string, Schema>> = {
  eta: number('Seconds to the place.'),
  etaSource: { enum: ['learned', 'osrm', 'valhalla'], description: 'Who said so.' },
};

/** Of an answer, where zones were asked. */
export const PICKUP: Readonly<Record<string, Schema>> = {
  version: { type: 'integer', minimum: 0, description: 'Of the zones.' },
  zones: { type: 'array', items: ZONE, description: 'Those at the place, the most specific first.' },
  policy: {
    type: 'object',
    propertyNames: { enum: POLICY_FIELDS },
    additionalProperties: ZONE,
    description: 'For each field that a zone sets, the zone whose rule applies.',
  },
  fare: {
    type: 'object',
    properties: {
      base: number('In units of the currency, as the following.'),
      perKm: number('For each kilometre.'),
      perMinute: number('For each minute.'),
      currency: { type: 'string', pattern: '^[A-Z]{3}$', description: 'ISO 4217.' },
      amount: number('What a trip to `toLat` and `toLon` may cost.'),
      meters: number('Of that trip, along roads, estimated.'),
      seconds: number('Of that trip, estimated.'),
    },
    required: ['base', 'perKm', 'perMinute', 'currency'],
  },
};
