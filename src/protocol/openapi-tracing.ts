// Schemas of services and traces in the OpenAPI document.

import type { Schema } from './openapi-schemas.ts';

const TEXT: Schema = { type: 'string' };
const COUNT: Schema = { type: 'integer', minimum: 0 };
const MICROS: Schema = { type: 'number', minimum: 0, description: 'Microseconds.' };
const TIME: Schema = { type: 'number', description: 'Milliseconds since the Unix epoch.' };
const QUANTILE: Schema = { type: ['number', 'null'], minimum: 0, description: 'Microseconds; null without calls.' };
const TRACE_ID: Schema = { type: 'string', pattern: '^[0-9a-f]{32}$' };
const ERROR: Schema = { type: 'string', description: 'Code of its failure.' };

const object = (properties: Record<string, Schema>, optional: readonly string[] = []): Schema => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
});
const list = (items: Schema): Schema => ({ type: 'array', items });
const reference = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

const STATISTICS = { window: reference('CallStatistics'), total: reference('CallStatistics') };

export const TRACING_SCHEMAS: Readonly<Record<string, Schema>> = {
  ServiceAnswer: { type: 'object', description: "The endpoint's answer." },
  CallStatistics: object({
    calls: COUNT,
    perSecond: { type: 'number', minimum: 0 },
    errors: COUNT,
    meanMicros: QUANTILE,
    p50Micros: QUANTILE,
    p95Micros: QUANTILE,
    p99Micros: QUANTILE,
  }),
  Services: object({
    windowSeconds: { type: 'number', minimum: 0, description: 'What `window` covers; `total` is since the start.' },
    services: list(
      object({
        name: TEXT,
        service: TEXT,
        endpoint: TEXT,
        summary: TEXT,
        callable: { type: 'boolean' },
        ...STATISTICS,
      }),
    ),
    hosts: {
      ...list(object({ host: TEXT, endpoints: list(object({ name: TEXT, ...STATISTICS })) })),
      description: 'Servers that send their traces here, as far as those tell.',
    },
  }),
  Traces: object({
    traces: list(
      object(
        {
          traceId: TRACE_ID,
          time: TIME,
          name: TEXT,
          from: TEXT,
          host: TEXT,
          durationMicros: MICROS,
          error: ERROR,
          spans: COUNT,
          errors: COUNT,
        },
        ['error'],
      ),
    ),
  }),
  Trace: object({ traceId: TRACE_ID, spans: COUNT, roots: list(reference('TracedCall')) }),
  TracedCall: object(
    {
      spanId: { type: 'string', pattern: '^[0-9a-f]{16}$' },
      name: TEXT,
      from: TEXT,
      host: TEXT,
      time: TIME,
      durationMicros: MICROS,
      error: ERROR,
      unfinished: { type: 'boolean', description: 'It had not ended when its request had.' },
      calls: list(reference('TracedCall')),
    },
    ['error', 'unfinished'],
  ),
};
