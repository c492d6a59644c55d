// The endpoints of one serving thread: each is registered once, and found by its name when it is called from outside.

import assert from 'node:assert/strict';
import type { Need } from '../access/scopes.ts';
import { RazielError } from '../errors.ts';
import type { Ref } from '../drivers/engine.ts';
import type { Encoding } from '../protocol/codec.ts';
import type { Fields } from '../protocol/fields.ts';
import type { Answer } from '../service/reply.ts';
import type { Call } from '../tracing/call.ts';
import type { EndpointInfo } from '../tracing/messages.ts';
import type { Tracer } from '../tracing/tracer.ts';
import { Endpoint, type EndpointDefinition } from './endpoint.ts';
import type { EndpointStats } from '../metrics/endpoint-stats.ts';

/** `service.endpoint` */
const NAME = /^[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*$/;

/** An endpoint of any input and output. */
export type AnyEndpoint = Endpoint<any, any>;

export class Services {
  readonly #endpoints = new Map<string, AnyEndpoint>();
  readonly #tracer: Tracer;
  readonly #stats: EndpointStats;

  constructor(tracer: Tracer, stats: EndpointStats) {
    this.#tracer = tracer;
    this.#stats = stats;
  }

  /**
   * Registers an endpoint. A name may be registered again without `wire`: another way in, for calls within the process that bring another kind
   * of input, and share the name's statistics.
   */
  register<Input, Output>(definition: EndpointDefinition<Input, Output>): Endpoint<Input, Output> {
    const { name } = definition;
    assert(NAME.test(name), `an endpoint is named service.endpoint, not ${name}`);
    const number = this.#tracer.name(name);
    const endpoint = new Endpoint(definition, (text) => this.#tracer.name(text), this.#stats.row(number));
    const known = this.#endpoints.get(name);
    assert(known?.definition.wire === undefined || definition.wire === undefined, `${name} is on the wire already`);
    if (known === undefined || definition.wire !== undefined) this.#endpoints.set(name, endpoint);
    return endpoint;
  }

  list(): readonly AnyEndpoint[] {
    return [...this.#endpoints.values()];
  }

  /** What others are told of them. */
  describe(): EndpointInfo[] {
    return this.list().map(({ definition: { name, summary, wire, countedAs = [] } }) => ({
      name,
      summary,
      isCallable: wire !== undefined,
      countedAs,
    }));
  }

  /** @throws RazielError UNKNOWN_SERVICE */
  find(name: string): AnyEndpoint {
    const endpoint = this.#endpoints.get(name);
    if (endpoint !== undefined) return endpoint;
    throw new RazielError(
      'UNKNOWN_SERVICE',
      `no service ${JSON.stringify(name.slice(0, 64))}; there are ${[...this.#endpoints.keys()].join(', ')}`,
      {
        field: 'service',
      },
    );
  }

  /** What a caller's token must have to call this name; admin also for a name that there is not. */
  needOf(name: string): Need {
    return this.#endpoints.get(name)?.definition.wire?.access ?? 'admin';
  }

  /**
   * Calls an endpoint from outside.
   * @throws RazielError (or rejects with one) UNKNOWN_SERVICE, NOT_SUPPORTED for one that is not to be called from outside, what the endpoint says
   */
  runByName(name: string, body: Fields, caller: Call, ref: Ref, encoding: Encoding): Answer | Promise<Answer> {
    const endpoint = this.find(name);
    const { wire } = endpoint.definition;
    if (wire === undefined) {
      throw new RazielError('NOT_SUPPORTED', `${name} is called by other services only`, { field: 'service' });
    }
    caller.request.isByName = true;
    const answerOf = (output: unknown): Answer => wire.answer?.(output, ref) ?? valueAnswer(output as object, ref);
    const output: unknown = endpoint.run(wire.read(body), caller, ref, encoding);
    return output instanceof Promise ? output.then(answerOf) : answerOf(output);
  }
}

function valueAnswer(value: object, ref: Ref): Answer {
  return { kind: 'value', value: ref === undefined ? value : { ref, ...value } };
}
