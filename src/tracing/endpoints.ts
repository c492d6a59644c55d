// Traces and services as endpoints: `tracing.traces`, `tracing.trace` and `tracing.services`, which `GET /v1/traces`, `GET /v1/traces/{traceId}`
// and `GET /v1/services` call. The tracing thread answers.

import type { Fields } from '../protocol/fields.ts';
import { readTraceFilter, readTraceId } from '../protocol/traces.ts';
import { refuseUnknown } from '../protocol/fields.ts';
import type { Answer } from '../service/reply.ts';
import type { Services } from '../services/services.ts';
import type { TraceQuestion } from './messages.ts';
import type { RemoteTraces } from './remote.ts';

const NO_FIELDS: ReadonlySet<string> = new Set();

export function registerTracing(services: Services, remote: RemoteTraces): void {
  const register = (name: string, summary: string, read: (fields: Fields) => TraceQuestion): void => {
    services.register<TraceQuestion, Promise<Answer>>({
      name,
      summary,
      handle: async (question, _call, ref, encoding) => ({
        kind: 'bytes',
        bytes: await remote.ask(question, ref, encoding),
        encoding,
      }),
      wire: { read, access: 'search', answer: (answer) => answer },
    });
  };
  register('tracing.traces', 'Recent traces, the newest first.', (fields) => ({
    kind: 'traces',
    filter: readTraceFilter(fields),
  }));
  register('tracing.trace', 'A trace as the tree of its calls.', (fields) => ({
    kind: 'trace',
    traceId: readTraceId(fields),
  }));
  register('tracing.services', 'The endpoints and their statistics.', (fields) => {
    refuseUnknown(fields, NO_FIELDS, 'tracing.services');
    return { kind: 'services' };
  });
}
