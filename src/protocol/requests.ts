// A request, typed: what HTTP routes and WebSocket frames are parsed into, once, before anything acts on them.

import { RazielError } from '../errors.ts';
import type { NearestQuery, SearchQuery, WithinQuery } from '../drivers/engine.ts';
import { type Fields, isFields, isGiven, readId, readNumber, readTags, readWord, refuseUnknown } from './fields.ts';
import { readBbox } from './geometry.ts';
import { LATER_OPS, OPERATIONS } from './operations.ts';
import { PARAMETERS as P } from './parameters.ts';
import { refusal, show } from './refusal.ts';
import { BODY, SERVICE_CALLED } from './tracing-parameters.ts';
import { readZonesAt, type ZonesAtQuery } from './zones-at.ts';
import { readNearest, readSearches, readWithin } from './searches.ts';

export interface SupplyQuery {
  /** H3 resolution, 0..15. */
  readonly resolution: number;
  /** West > east crosses the antimeridian; the whole world by default. */
  readonly bbox: { readonly west: number; readonly south: number; readonly east: number; readonly north: number };
  /** All of these. */
  readonly tags: readonly string[];
}

export type Request =
  /** `batch`: the MessagePack of one array of fixes; `quiet`: no answer unless a fix was rejected; `durable`: none before it is on disk. */
  | { readonly op: 'locations'; readonly batch: Uint8Array; readonly quiet: boolean; readonly durable: boolean }
  | { readonly op: 'nearest'; readonly query: NearestQuery }
  | { readonly op: 'within'; readonly query: WithinQuery }
  | { readonly op: 'multisearch'; readonly queries: readonly SearchQuery[] }
  | { readonly op: 'driver'; readonly id: string }
  | { readonly op: 'remove'; readonly id: string }
  | { readonly op: 'supply'; readonly query: SupplyQuery }
  /** `n`: 1..IDS_PER_REQUEST_MAX. */
  | { readonly op: 'ids'; readonly n: number }
  | { readonly op: 'zonesAt'; readonly query: ZonesAtQuery }
  | { readonly op: 'ping' }
  /** An endpoint by its name, `service.endpoint`. */
  | { readonly op: 'call'; readonly service: string; readonly body: Fields };

const OPS: readonly string[] = OPERATIONS.filter((operation) => operation.webSocket).map((operation) => operation.name);
const SUPPLY_NAMES: ReadonlySet<string> = new Set([P.RESOLUTION.name, P.BBOX.name, P.TAGS.name]);
const IDS_NAMES: ReadonlySet<string> = new Set([P.N.name]);

/**
 * The fields of a WebSocket request as a typed one.
 * @param fields without `op` and `ref`, and without `batch`, which comes as bytes.
 */
export function readRequest(op: unknown, fields: Fields, batch: Uint8Array | undefined): Request {
  switch (op) {
    case 'locations':
      return readLocations(fields, batch);
    case 'nearest':
      return { op, query: readNearest(fields) };
    case 'within':
      return { op, query: readWithin(fields) };
    case 'multisearch':
      refuseUnknown(fields, new Set(['searches']), 'multisearch');
      return { op, queries: readSearches(fields) };
    case 'driver':
    case 'remove':
      return { op, id: readId(fields['id']) };
    case 'supply':
      return { op, query: readSupply(fields) };
    case 'ids':
      return readIds(fields);
    case 'zonesAt':
      return { op, query: readZonesAt(fields) };
    case 'ping':
      return { op };
    case 'call':
      return readCall(fields);
    default:
      throw unknownOp(op);
  }
}

export function readSupply(fields: Fields): SupplyQuery {
  refuseUnknown(fields, SUPPLY_NAMES, 'supply');
  const { west, south, east, north } = isGiven(fields['bbox'])
    ? readBbox(fields['bbox'])
    : { west: -180, south: -90, east: 180, north: 90 };
  return {
    resolution: readNumber(fields, P.RESOLUTION),
    bbox: { west, south, east, north },
    tags: readTags(fields, P.TAGS) ?? [],
  };
}

export function readIds(fields: Fields): Extract<Request, { op: 'ids' }> {
  refuseUnknown(fields, IDS_NAMES, 'ids');
  return { op: 'ids', n: readNumber(fields, P.N) };
}

function readLocations(fields: Fields, batch: Uint8Array | undefined): Request {
  const ack = readWord(fields, P.ACK);
  if (batch === undefined) {
    throw new RazielError('BAD_REQUEST', 'batch is required: a list of fixes', { field: 'batch' });
  }
  return { op: 'locations', batch, quiet: ack === 'none', durable: ack === 'durable' };
}

const CALL_NAMES: ReadonlySet<string> = new Set([SERVICE_CALLED.name, BODY.name]);

function readCall(fields: Fields): Request {
  refuseUnknown(fields, CALL_NAMES, 'call');
  const { service, body } = fields;
  if (typeof service !== 'string') throw refusal('BAD_REQUEST', 'service', 'must be the name of an endpoint', service);
  if (isGiven(body) && !isFields(body)) throw refusal('BAD_REQUEST', 'body', 'must be a map', body);
  return { op: 'call', service, body: isFields(body) ? body : {} };
}

function unknownOp(op: unknown): RazielError {
  if (typeof op === 'string' && LATER_OPS.has(op)) {
    return new RazielError('NOT_SUPPORTED', `op ${op} is not supported by this server`, { field: 'op' });
  }
  return new RazielError('BAD_REQUEST', `op must be one of ${OPS.join(', ')}, got ${show(op)}`, { field: 'op' });
}
