// The table of operations: what each is called, how HTTP and WebSocket reach it, and what it takes. The parser, the router, the
// OpenAPI document and docs/protocol.md follow it.

import type { Need } from '../access/scopes.ts';
import { type Parameter, PARAMETERS as P } from './parameters.ts';
import {
  BODY,
  MIN_MS,
  ONLY_ERRORS,
  SERVICE_CALLED,
  SERVICE_TRACED,
  TRACE_ID,
  TRACES_LIMIT,
} from './tracing-parameters.ts';
import { NEAREST_PARAMETERS, WITHIN_PARAMETERS } from './searches.ts';

export type OperationName =
  | 'locations'
  | 'nearest'
  | 'search'
  | 'within'
  | 'multisearch'
  | 'driver'
  | 'remove'
  | 'supply'
  | 'ids'
  | 'zonesAt'
  | 'zonesAtPoints'
  | 'zonesList'
  | 'zonesPut'
  | 'zonesGet'
  | 'zonesDelete'
  | 'ping'
  | 'call'
  | 'services'
  | 'traces'
  | 'trace'
  | 'backup'
  | 'healthz'
  | 'readyz'
  | 'metrics'
  | 'openapi';

export interface HttpRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `{name}` at the end where a path parameter stands. */
  readonly path: string;
  /**
   * Where the parameters come from: the query string, the body, or the path alone. An upload has them in path, query and headers, and a
   * body that no serving thread reads.
   */
  readonly from: 'query' | 'body' | 'path' | 'upload' | 'nothing';
}

export interface Operation {
  readonly name: OperationName;
  readonly summary: string;
  /** What a caller's token must have, where tokens are asked for. */
  readonly access: Need;
  readonly http?: HttpRoute;
  /** True when the WebSocket knows an op of this name. */
  readonly webSocket: boolean;
  readonly parameters: readonly Parameter[];
}

export const OPERATIONS: readonly Operation[] = [
  {
    name: 'locations',
    summary: 'Applies a fix, or a batch of fixes.',
    access: 'ingest',
    http: { method: 'POST', path: '/v1/locations', from: 'body' },
    webSocket: true,
    parameters: [P.BATCH, P.ACK],
  },
  {
    name: 'nearest',
    summary: 'Finds the k nearest drivers.',
    access: 'search',
    http: { method: 'GET', path: '/v1/nearest', from: 'query' },
    webSocket: true,
    parameters: NEAREST_PARAMETERS,
  },
  {
    name: 'search',
    summary: 'Finds the k nearest drivers, or the drivers within an area.',
    access: 'search',
    http: { method: 'POST', path: '/v1/search', from: 'body' },
    webSocket: false,
    parameters: [],
  },
  {
    name: 'within',
    summary: 'Finds the drivers within an area.',
    access: 'search',
    webSocket: true,
    parameters: WITHIN_PARAMETERS,
  },
  {
    name: 'multisearch',
    summary: 'Answers several searches by one clock.',
    access: 'search',
    http: { method: 'POST', path: '/v1/multisearch', from: 'body' },
    webSocket: true,
    parameters: [P.SEARCHES],
  },
  {
    name: 'driver',
    summary: 'The fix held of a driver.',
    access: 'search',
    http: { method: 'GET', path: '/v1/drivers/{id}', from: 'path' },
    webSocket: true,
    parameters: [P.ID],
  },
  {
    name: 'remove',
    summary: 'Forgets a driver.',
    access: 'ingest',
    http: { method: 'DELETE', path: '/v1/drivers/{id}', from: 'path' },
    webSocket: true,
    parameters: [P.ID],
  },
  {
    name: 'supply',
    summary: 'Counts the drivers by H3 cell.',
    access: 'search',
    http: { method: 'GET', path: '/v1/supply', from: 'query' },
    webSocket: true,
    parameters: [P.RESOLUTION, P.BBOX, P.TAGS],
  },
  {
    name: 'ids',
    summary: 'Makes ids that rise.',
    access: 'search',
    http: { method: 'GET', path: '/v1/ids', from: 'query' },
    webSocket: true,
    parameters: [P.N],
  },
  {
    name: 'zonesAt',
    summary: 'The zones that cover a point.',
    access: 'search',
    http: { method: 'GET', path: '/v1/zones/at', from: 'query' },
    webSocket: true,
    parameters: [P.LAT, P.LON, P.LAYER],
  },
  {
    name: 'zonesAtPoints',
    summary: 'The zones that cover each of many points, in one version.',
    access: 'search',
    http: { method: 'POST', path: '/v1/zones/at', from: 'body' },
    webSocket: false,
    parameters: [P.POINTS, P.LAYER],
  },
  {
    name: 'zonesList',
    summary: 'The layers of zones.',
    access: 'search',
    http: { method: 'GET', path: '/v1/zones', from: 'nothing' },
    webSocket: false,
    parameters: [],
  },
  {
    name: 'zonesPut',
    summary: 'Replaces a layer of zones by a GeoJSON FeatureCollection.',
    access: 'zones',
    http: { method: 'PUT', path: '/v1/zones/{layer}', from: 'upload' },
    webSocket: false,
    parameters: [P.LAYER_IN_PATH, P.DRY_RUN, P.REPAIR, P.ID_PROPERTY, P.IF_MATCH],
  },
  {
    name: 'zonesGet',
    summary: 'A layer of zones as GeoJSON.',
    access: 'search',
    http: { method: 'GET', path: '/v1/zones/{layer}', from: 'path' },
    webSocket: false,
    parameters: [P.LAYER_IN_PATH],
  },
  {
    name: 'zonesDelete',
    summary: 'Removes a layer of zones.',
    access: 'zones',
    http: { method: 'DELETE', path: '/v1/zones/{layer}', from: 'path' },
    webSocket: false,
    parameters: [P.LAYER_IN_PATH, P.IF_MATCH],
  },
  { name: 'ping', summary: "The server's clock.", access: 'token', webSocket: true, parameters: [] },
  {
    name: 'call',
    summary: 'Calls an endpoint of the services by its name.',
    // Any, and then what the endpoint needs.
    access: 'token',
    http: { method: 'POST', path: '/v1/services/{service}', from: 'body' },
    webSocket: true,
    parameters: [SERVICE_CALLED, BODY],
  },
  {
    name: 'services',
    summary: 'The endpoints of the services and their statistics.',
    access: 'search',
    http: { method: 'GET', path: '/v1/services', from: 'nothing' },
    webSocket: false,
    parameters: [],
  },
  {
    name: 'traces',
    summary: 'Recent traces, the newest first.',
    access: 'search',
    http: { method: 'GET', path: '/v1/traces', from: 'query' },
    webSocket: false,
    parameters: [SERVICE_TRACED, MIN_MS, ONLY_ERRORS, TRACES_LIMIT],
  },
  {
    name: 'trace',
    summary: 'A trace as the tree of its calls.',
    access: 'search',
    http: { method: 'GET', path: '/v1/traces/{traceId}', from: 'path' },
    webSocket: false,
    parameters: [TRACE_ID],
  },
  {
    name: 'backup',
    summary: 'All that the server keeps, at one moment, as a file for raziel restore.',
    access: 'admin',
    http: { method: 'GET', path: '/v1/backup', from: 'nothing' },
    webSocket: false,
    parameters: [],
  },
  {
    name: 'healthz',
    summary: 'Alive.',
    access: 'open',
    http: { method: 'GET', path: '/healthz', from: 'nothing' },
    webSocket: false,
    parameters: [],
  },
  {
    name: 'readyz',
    summary: 'Ready to serve; 503 while the server shuts down.',
    access: 'open',
    http: { method: 'GET', path: '/readyz', from: 'nothing' },
    webSocket: false,
    parameters: [],
  },
  {
    name: 'metrics',
    summary: "Prometheus' text format.",
    access: 'search',
    http: { method: 'GET', path: '/metrics', from: 'nothing' },
    webSocket: false,
    parameters: [],
  },
  {
    name: 'openapi',
    summary: 'This description.',
    access: 'token',
    http: { method: 'GET', path: '/openapi.json', from: 'nothing' },
    webSocket: false,
    parameters: [],
  },
];

/** WebSocket ops of the protocol that this server does not have yet. */
export const LATER_OPS: ReadonlySet<string> = new Set(['watch', 'unwatch', 'fences', 'claim', 'release']);

/** Paths of the protocol that this server does not have yet; a trailing slash stands for everything below. */
export const LATER_PATHS: readonly string[] = ['/ingest/', '/console', '/console/'];

const NEEDS: ReadonlyMap<string, Need> = new Map(OPERATIONS.map(({ name, access }) => [name, access]));

/** What an operation asks of its caller. */
export function needOf(name: OperationName): Need {
  return NEEDS.get(name) ?? 'admin';
}
