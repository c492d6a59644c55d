// The operations of the protocol as endpoints: `raziel.search` is what the WebSocket's `nearest` and `within`, `GET /v1/nearest` and
// `POST /v1/search` call. Each has its input read by the protocol's own readers when it is called by its name.

import { RazielError } from '../errors.ts';
import type { CountedOp } from '../metrics/counters.ts';
import { packMessage } from '../protocol/codec.ts';
import { type Fields, isGiven } from '../protocol/fields.ts';
import { needOf } from '../protocol/operations.ts';
import { readRequest, type Request } from '../protocol/requests.ts';
import { readSearch } from '../protocol/searches.ts';
import type { Endpoint, Handler } from '../services/endpoint.ts';
import type { Services } from '../services/services.ts';
import type { Answer } from './reply.ts';

/** Operations that the service itself performs; `call` performs another. */
export type OwnRequest = Exclude<Request, { readonly op: 'call' }>;
export type OwnEndpoint = Endpoint<OwnRequest, Answer | Promise<Answer>>;
export type OwnEndpoints = Readonly<Record<OwnRequest['op'], OwnEndpoint>>;

interface OwnDefinition {
  readonly name: string;
  readonly summary: string;
  readonly ops: readonly OwnRequest['op'][];
  readonly countedAs: readonly CountedOp[];
  readonly read: (fields: Fields) => Request;
}

const DEFINITIONS: readonly OwnDefinition[] = [
  {
    name: 'raziel.locations',
    summary: 'Applies a batch of fixes.',
    ops: ['locations'],
    countedAs: ['locations'],
    read: ({ batch, ...fields }) => readRequest('locations', fields, isGiven(batch) ? packMessage(batch) : undefined),
  },
  {
    name: 'raziel.search',
    summary: 'Finds the k nearest drivers, or the drivers within an area.',
    ops: ['nearest', 'within'],
    countedAs: ['nearest', 'within'],
    read: (fields) => {
      const query = readSearch(fields);
      return query.kind === 'nearest' ? { op: 'nearest', query } : { op: 'within', query };
    },
  },
  {
    name: 'raziel.multisearch',
    summary: 'Answers several searches by one clock.',
    ops: ['multisearch'],
    countedAs: ['multisearch'],
    read: (fields) => readRequest('multisearch', fields, undefined),
  },
  {
    name: 'raziel.driver',
    summary: 'The fix held of a driver.',
    ops: ['driver'],
    countedAs: ['driver'],
    read: (fields) => readRequest('driver', fields, undefined),
  },
  {
    name: 'raziel.remove',
    summary: 'Forgets a driver.',
    ops: ['remove'],
    countedAs: ['remove'],
    read: (fields) => readRequest('remove', fields, undefined),
  },
  {
    name: 'raziel.supply',
    summary: 'Counts the drivers by H3 cell.',
    ops: ['supply'],
    countedAs: ['supply'],
    read: (fields) => readRequest('supply', fields, undefined),
  },
  {
    name: 'zoning.search',
    summary: 'The zones that cover a point, or each of many.',
    ops: ['zonesAt'],
    countedAs: ['zonesAt'],
    read: (fields) => readRequest('zonesAt', fields, undefined),
  },
  {
    name: 'ids.next',
    summary: 'Fresh 64-bit ids.',
    ops: ['ids'],
    countedAs: ['ids'],
    read: (fields) => readRequest('ids', fields, undefined),
  },
  {
    name: 'raziel.ping',
    summary: "The server's clock.",
    ops: ['ping'],
    countedAs: ['ping'],
    read: () => ({ op: 'ping' }),
  },
];

/** Registers them all, performed by one function. */
export function registerOwn(services: Services, perform: Handler<OwnRequest, Answer | Promise<Answer>>): OwnEndpoints {
  const endpoints: Partial<Record<OwnRequest['op'], OwnEndpoint>> = {};
  for (const { name, summary, ops, countedAs, read } of DEFINITIONS) {
    const own = (fields: Fields): OwnRequest => {
      const request = read(fields);
      if (request.op === 'call') throw new RazielError('INTERNAL', 'a call is no operation of its own');
      return request;
    };
    // The operations of one endpoint all need the same.
    const access = needOf(ops[0] as OwnRequest['op']);
    const wire = { read: own, access, answer: (answer: Answer) => answer };
    const endpoint = services.register({ name, summary, countedAs, handle: perform, wire });
    for (const op of ops) endpoints[op] = endpoint;
  }
  return endpoints as OwnEndpoints;
}
