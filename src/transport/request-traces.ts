// How a transport traces its requests: each is begun with who calls and what its traceparent says, and ended when it has been answered.

import type { ErrorCode } from '../errors.ts';
import type { OwnEndpoint } from '../service/endpoints.ts';
import type { Call } from '../tracing/call.ts';
import type { Tracer } from '../tracing/tracer.ts';

/** The name of spans of requests that were refused before it was known what they ask for. */
const UNKNOWN_REQUEST = 'raziel.request';

export class RequestTraces {
  readonly tracer: Tracer;
  readonly #from: number;
  readonly #unknown: number;

  /** @param from the transport's name in spans */
  constructor(tracer: Tracer, from: 'websocket' | 'http') {
    this.tracer = tracer;
    this.#from = tracer.name(from);
    this.#unknown = tracer.name(UNKNOWN_REQUEST);
  }

  /** @param traceparent as the client sent it, if it did */
  begin(traceparent?: unknown): Call {
    return this.tracer.begin(this.#from, traceparent);
  }

  end(root: Call): void {
    this.tracer.end(root);
  }

  /**
   * The request was refused or failed.
   * @param root undefined when it was not begun
   * @param endpoint what it asks for, where that is known
   */
  fail(root: Call | undefined, endpoint: OwnEndpoint | undefined, code: ErrorCode): void {
    const request = root ?? this.begin();
    // An endpoint that was called has counted its failure itself.
    if (request.request.count === 0) endpoint?.countFailure();
    this.tracer.end(request, endpoint?.number ?? this.#unknown, this.tracer.name(code));
  }

  /**
   * Native code has answered a whole request.
   * @returns the trace's id, when it was recorded
   */
  record(endpoint: OwnEndpoint, micros: number): string | undefined {
    return this.tracer.record(endpoint.number, this.#from, micros, 0);
  }
}
