// What is asked of traces, read from a query string or a body.

import { RazielError } from '../errors.ts';
import type { TraceFilter } from '../tracing/store.ts';
import { type Fields, isGiven, readFlag, readNumber, readOptionalNumber, refuseUnknown } from './fields.ts';
import { refusal } from './refusal.ts';
import { MIN_MS, ONLY_ERRORS, SERVICE_TRACED, TRACE_ID, TRACES_LIMIT } from './tracing-parameters.ts';

const FILTER_NAMES: ReadonlySet<string> = new Set(
  [SERVICE_TRACED, MIN_MS, ONLY_ERRORS, TRACES_LIMIT].map(({ name }) => name),
);
const TRACE_NAMES: ReadonlySet<string> = new Set([TRACE_ID.name]);

export function readTraceFilter(fields: Fields): TraceFilter {
  refuseUnknown(fields, FILTER_NAMES, 'traces');
  const { service } = fields;
  if (isGiven(service) && (typeof service !== 'string' || service === '')) {
    throw refusal('BAD_REQUEST', SERVICE_TRACED.name, 'must be a service or service.endpoint', service);
  }
  return {
    service: typeof service === 'string' ? service : undefined,
    minMs: readOptionalNumber(fields, MIN_MS),
    error: isGiven(fields[ONLY_ERRORS.name]) ? readFlag(fields, ONLY_ERRORS) : undefined,
    limit: readNumber(fields, TRACES_LIMIT),
  };
}

const HEXADECIMAL = /^[0-9a-f]{32}$/i;
const DECIMAL = /^\d{1,20}$/;

/** 32 hexadecimal digits, or a 64-bit id as `ids` gives them out. */
export function readTraceId(fields: Fields): string {
  refuseUnknown(fields, TRACE_NAMES, 'trace');
  const { traceId } = fields;
  if (typeof traceId === 'string') {
    if (HEXADECIMAL.test(traceId)) return traceId.toLowerCase();
    if (DECIMAL.test(traceId) && BigInt(traceId) < 2n ** 64n) return BigInt(traceId).toString(16).padStart(32, '0');
  }
  throw new RazielError('BAD_REQUEST', 'traceId must be 32 hexadecimal digits or a 64-bit id in decimal', {
    field: TRACE_ID.name,
  });
}
