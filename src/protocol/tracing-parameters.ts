// The parameters of services and traces; parameters.ts has the others.

import { TRACES_LIMIT_DEFAULT, TRACES_LIMIT_MAX } from '../limits.ts';
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

export const SERVICE_TRACED = {
  name: 'service',
  type: 'string',
  code: 'BAD_REQUEST',
  description: 'Only traces with a call of this service (`zoning`) or endpoint (`zoning.search`).',
} as const satisfies Parameter;

export const MIN_MS = {
  name: 'minMs',
  type: 'number',
  code: 'BAD_REQUEST',
  min: 0,
  max: 3_600_000,
  description: 'Only traces of at least so many milliseconds.',
} as const satisfies Parameter;

export const ONLY_ERRORS = {
  name: 'error',
  type: 'flag',
  code: 'BAD_REQUEST',
  description: 'Only traces with a failed call; false: only those without.',
} as const satisfies Parameter;

export const TRACES_LIMIT = {
  name: 'limit',
  type: 'integer',
  code: 'BAD_LIMIT',
  min: 1,
  max: TRACES_LIMIT_MAX,
  default: TRACES_LIMIT_DEFAULT,
  description: 'Traces at most.',
} as const satisfies Parameter;

export const TRACE_ID = {
  name: 'traceId',
  type: 'string',
  code: 'BAD_REQUEST',
  required: true,
  place: 'path',
  description: '32 hexadecimal digits, or a 64-bit id in decimal.',
} as const satisfies Parameter;
