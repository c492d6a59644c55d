// The parameters of services and traces; parameters.ts has the others.

import type { Parameter } from './parameters.ts';

/** Of `call`. */
export const SERVICE_CALLED = {
  name: 'service',
  type: 'string',
  code: 'BAD_REQUEST',
  required: true,
  place: 'path',
  description: 'The endpoint, as `service.endpoint`.',
} as const satisfies Parameter;

export const BODY = {
  name: 'body',
  type: 'map',
  code: 'BAD_REQUEST',
  description: "The endpoint's input; empty when it is left out.",
} as const satisfies Parameter;
