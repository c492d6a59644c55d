// An endpoint: a step of the service that has a name, `service.endpoint`, and the one wrapper around its handler. The wrapper times every
// call, counts it and its failure, leaves a span in the request's trace and keeps the deadline, so that a handler is nothing but its work:
//
//   const lookUp = services.register({
//     name: 'zoning.search',
//     summary: 'The zones that cover a point.',
//     handle: (point: Point, call) => zones.at(point.lat, point.lon),
//   });
//   lookUp.run({ lat, lon }, call);        // an answer at once when the handler answers at once, else a promise
//
// A call whose handler is synchronous makes no promise and, beyond what its handler makes, no object.

import type { Need } from '../access/scopes.ts';
import { RazielError } from '../errors.ts';
import type { Ref } from '../drivers/engine.ts';
import type { CountedOp } from '../metrics/counters.ts';
import type { Encoding } from '../protocol/codec.ts';
import type { Fields } from '../protocol/fields.ts';
import type { Answer } from '../service/reply.ts';
import { type Call, deadlineExceeded } from '../tracing/call.ts';
import type { EndpointRow } from '../metrics/endpoint-stats.ts';

/**
 * What an endpoint does. It answers at once or by a promise, and throws or rejects with a RazielError for whatever a caller can cause.
 * `ref` and `encoding` are those of a request over the wire, for handlers that encode their own answers; calls within the process leave them out.
 */
export type Handler<Input, Output> = (input: Input, call: Call, ref: Ref, encoding: Encoding) => Output;

/** How an endpoint is called from outside by its name; one without is called within the process only. */
export interface Wire<Input, Output> {
  /** The input from a JSON or MessagePack map. @throws RazielError for what is wrong with it */
  readonly read: (fields: Fields) => Input;
  /** What a caller's token must have, where tokens are asked for. Absent: admin. */
  readonly access?: Need;
  /** The output as an answer. Absent for an output that is a map to be sent as it is. */
  readonly answer?: (output: Output, ref: Ref) => Answer;
}

export interface EndpointDefinition<Input, Output> {
  /** `service.endpoint`: lower-case letters, digits and dashes. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  readonly handle: Handler<Input, Output>;
  /** Milliseconds that a call may take; the caller's own deadline holds as well. Absent for no limit of its own. */
  readonly deadlineMs?: number;
  readonly wire?: Wire<Input, Awaited<Output>> | undefined;
  /**
   * Operations of the protocol that are calls of this endpoint. The transport counts those (metrics/counters.ts), also where native code
   * answers them, so that the wrapper leaves them out.
   */
  readonly countedAs?: readonly CountedOp[];
}

export class Endpoint<Input, Output> {
  readonly definition: EndpointDefinition<Input, Output>;
  readonly #handle: Handler<Input, Output>;
  readonly #deadlineMs: number;
  /** When it is called as the operation that it is. */
  readonly #isCountedByTransport: boolean;
  readonly #name: number;
  readonly #numberOf: (text: string) => number;
  readonly #row: EndpointRow;

  /** Made by Services.register. @param numberOf the number of a text in spans */
  constructor(definition: EndpointDefinition<Input, Output>, numberOf: (text: string) => number, row: EndpointRow) {
    this.definition = definition;
    this.#handle = definition.handle;
    this.#deadlineMs = definition.deadlineMs ?? Number.POSITIVE_INFINITY;
    this.#isCountedByTransport = definition.countedAs !== undefined;
    this.#numberOf = numberOf;
    this.#name = numberOf(definition.name);
    this.#row = row;
  }

  /** The name's number in spans. */
  get number(): number {
    return this.#name;
  }

  /**
   * Calls the endpoint.
   * @param caller the call that this one is a part of: the handler's own, or a request's root
   * @throws RazielError (or rejects with one) what the handler does, and DEADLINE_EXCEEDED
   */
  run(input: Input, caller: Call, ref?: Ref, encoding: Encoding = 'msgpack'): Output {
    const call = caller.begin(this.#name, this.#deadlineMs);
    let output: Output;
    try {
      output = this.#handle(input, call, ref, encoding);
    } catch (error) {
      this.#failed(call, caller, error);
      throw error;
    }
    if (output instanceof Promise) return this.#settle(output, call, caller) as Output;
    this.#ended(call, caller, 0);
    return output;
  }

  /** Counts a failure of a request that native code refused, or that could not be read. */
  countFailure(): void {
    this.#row.error();
  }

  async #settle(output: Promise<unknown>, call: Call, caller: Call): Promise<unknown> {
    let value: unknown;
    try {
      value = await (call.deadlineMs === Number.POSITIVE_INFINITY ? output : beforeDeadline(output, call));
    } catch (error) {
      this.#failed(call, caller, error);
      throw error;
    }
    this.#ended(call, caller, 0);
    return value;
  }

  #failed(call: Call, caller: Call, error: unknown): void {
    this.#row.error();
    this.#ended(call, caller, this.#numberOf(error instanceof RazielError ? error.code : 'INTERNAL'));
  }

  #ended(call: Call, caller: Call, error: number): void {
    const micros = call.end(error);
    if (!(this.#isCountedByTransport && caller.isRoot && !caller.request.isByName)) this.#row.call(micros);
  }
}

async function beforeDeadline(output: Promise<unknown>, call: Call): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      call.abandon();
      reject(deadlineExceeded());
    }, call.remainingMs);
  });
  try {
    return await Promise.race([output, passed]);
  } finally {
    clearTimeout(timer);
  }
}
