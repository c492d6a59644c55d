// The OpenAPI document of the HTTP API (3.1), made from the table of operations.

import { type ErrorCode, STATUS_OF_CODE } from '../errors.ts';
import { reference, type Schema, SCHEMAS, schemaOf } from './openapi-schemas.ts';
import { TRACING_SCHEMAS } from './openapi-tracing.ts';
import { type HttpRoute, type Operation, type OperationName, OPERATIONS } from './operations.ts';
import type { Parameter } from './parameters.ts';

/** The schema of the answer; undefined for one without a body. */
const ANSWERS: Partial<Record<OperationName, string>> = {
  locations: 'Locations',
  nearest: 'SearchAnswer',
  search: 'SearchAnswer',
  multisearch: 'MultisearchAnswer',
  driver: 'Driver',
  supply: 'Supply',
  ids: 'Ids',
  zonesAt: 'ZonesAt',
  zonesAtPoints: 'ZonesAtPoints',
  zonesList: 'ZoneLayers',
  zonesPut: 'ZonesPut',
  zonesGet: 'ZoneLayer',
  zonesDelete: 'ZonesDeleted',
  call: 'ServiceAnswer',
  services: 'Services',
  traces: 'Traces',
  trace: 'Trace',
  healthz: 'Status',
  readyz: 'Status',
};

const BODIES: Partial<Record<OperationName, Schema>> = {
  locations: {
    anyOf: [reference('Fix'), { type: 'array', items: { anyOf: [reference('Fix'), reference('Row')] } }],
  },
  search: reference('Search'),
  multisearch: reference('Multisearch'),
  zonesAtPoints: reference('ZonePoints'),
  zonesPut: reference('ZoneLayer'),
  call: { type: 'object', description: "The endpoint's input." },
};

const SEARCH_ERRORS: readonly ErrorCode[] = ['SEARCH_TOO_WIDE', 'OVERLOADED'];
const BODY_ERRORS: readonly ErrorCode[] = ['BAD_JSON', 'BAD_MSGPACK', 'BAD_REQUEST', 'TOO_LARGE', 'UNSUPPORTED_TYPE'];

/** Codes that the operation may answer with, beside those of its own parameters. */
const ERRORS: Partial<Record<OperationName, readonly ErrorCode[]>> = {
  locations: BODY_ERRORS,
  nearest: ['SEARCH_TOO_WIDE', 'UNKNOWN_ZONE', 'NOT_SUPPORTED'],
  search: [...BODY_ERRORS, 'SEARCH_TOO_WIDE', 'UNKNOWN_ZONE', 'NOT_SUPPORTED'],
  multisearch: [...BODY_ERRORS, 'SEARCH_TOO_WIDE', 'UNKNOWN_ZONE', 'NOT_SUPPORTED'],
  driver: ['UNKNOWN_DRIVER'],
  remove: ['UNKNOWN_DRIVER'],
  supply: SEARCH_ERRORS,
  ids: ['CLOCK_BACKWARD', 'OVERLOADED'],
  zonesAt: ['TOO_LARGE'],
  zonesAtPoints: [...BODY_ERRORS, 'BAD_LAT', 'BAD_LON', 'BAD_LAYER'],
  zonesPut: ['BAD_JSON', 'BAD_ZONES', 'TOO_LARGE', 'UNSUPPORTED_TYPE', 'OVERLOADED', 'SHUTTING_DOWN'],
  zonesGet: ['UNKNOWN_LAYER', 'OVERLOADED'],
  zonesList: ['OVERLOADED'],
  zonesDelete: ['UNKNOWN_LAYER', 'OVERLOADED', 'SHUTTING_DOWN'],
  services: ['OVERLOADED'],
  traces: ['OVERLOADED'],
  trace: ['UNKNOWN_TRACE', 'OVERLOADED'],
  call: [...BODY_ERRORS, 'UNKNOWN_SERVICE', 'NOT_SUPPORTED', 'DEADLINE_EXCEEDED', 'OVERLOADED'],
  readyz: ['SHUTTING_DOWN', 'OVERLOADED'],
};

/** Of a request that a token is asked for. */
const ACCESS_ERRORS: readonly ErrorCode[] = ['UNAUTHENTICATED', 'FORBIDDEN', 'RATE_LIMITED'];

const SECURITY_SCHEMES = {
  token: {
    type: 'http',
    scheme: 'bearer',
    description: 'A token of the server, where it asks for one (docs/access.md).',
  },
};

export function openApiDocument(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of OPERATIONS) {
    if (operation.http === undefined) continue;
    const { path, method } = operation.http;
    paths[path] = { ...paths[path], [method.toLowerCase()]: describe(operation, operation.http) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Raziel',
      version: '1',
      summary: 'Where moving things are, and which are nearest.',
      description:
        'Degrees on WGS84, metres, metres per second, degrees clockwise from north, milliseconds since the Unix epoch. ' +
        'The same operations, and more, are ops of the WebSocket at /v1/ws; docs/protocol.md describes them.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: { schemas: { ...SCHEMAS, ...TRACING_SCHEMAS }, securitySchemes: SECURITY_SCHEMES },
  };
}

function describe(operation: Operation, route: HttpRoute): object {
  const isBody = route.from === 'body';
  const parameters = operation.parameters
    .filter(({ place }) => !isBody || place === 'path')
    .map((parameter) => parameterOf(parameter, route));
  const body = BODIES[operation.name];
  return {
    operationId: operation.name,
    ...security(operation),
    summary: operation.summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: bodyContent(operation.name, body) } }),
    responses: { ...success(operation), ...failures(operation, route) },
  };
}

function parameterOf(parameter: Parameter, route: HttpRoute): object {
  const place = parameter.place ?? (route.from === 'path' ? 'path' : 'query');
  const isList = parameter.type === 'tags' || parameter.type === 'bbox';
  return {
    name: parameter.name,
    in: place,
    required: place === 'path' || parameter.required === true,
    description: parameter.description,
    schema: schemaOf(parameter),
    // Lists are written `a,b`.
    ...(isList ? { style: 'form', explode: false } : {}),
  };
}

function bodyContent(name: OperationName, schema: Schema): object {
  const common = { 'application/json': { schema }, 'application/msgpack': { schema } };
  if (name === 'zonesPut') return { 'application/geo+json': { schema }, 'application/json': { schema } };
  if (name !== 'locations') return common;
  const lines = { type: 'string', description: 'One fix or row a line.' };
  return { ...common, 'application/x-ndjson': { schema: lines } };
}

function success(operation: Operation): object {
  if (operation.name === 'remove') return { 204: { description: 'Forgotten.' } };
  if (operation.name === 'metrics') {
    return { 200: { description: 'The metrics.', content: { 'text/plain': { schema: { type: 'string' } } } } };
  }
  if (operation.name === 'backup') {
    const content = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } };
    return { 200: { description: 'The backup.', content } };
  }
  if (operation.name === 'zonesGet') {
    const content = { 'application/geo+json': { schema: reference('ZoneLayer') } };
    const headers = { ETag: { description: 'For If-Match.', schema: { type: 'string' } } };
    return { 200: { description: 'The layer.', headers, content } };
  }
  const name = ANSWERS[operation.name];
  const schema = name === undefined ? { type: 'object' } : reference(name);
  return { 200: { description: 'The answer.', content: answerContent(schema) } };
}

/** Whether a token is asked for is the server's to say: with one, or without. */
function security({ access }: Operation): object {
  if (access === 'open') return { security: [] };
  const description =
    access === 'token' ? 'Needs a token of any scope.' : `Needs a token with the scope \`${access}\`.`;
  return { description: `${description} Servers without tokens ask for none.`, security: [{ token: [] }, {}] };
}

function failures(operation: Operation, route: HttpRoute): object {
  const own =
    route.from === 'body' ? searchCodes(operation.name) : operation.parameters.map((parameter) => parameter.code);
  // A foreign Host is FORBIDDEN on every path.
  const ofAccess: readonly ErrorCode[] = operation.access === 'open' ? ['FORBIDDEN'] : ACCESS_ERRORS;
  const codes = new Set<ErrorCode>([...own, ...(ERRORS[operation.name] ?? []), ...ofAccess]);
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) byStatus.set(STATUS_OF_CODE[code], [...(byStatus.get(STATUS_OF_CODE[code]) ?? []), code]);
  return Object.fromEntries(
    [...byStatus].map(([status, list]) => [
      status,
      { description: list.join(', '), content: answerContent(reference('Error')) },
    ]),
  );
}

/** Codes of what is inside the body of a search. */
function searchCodes(name: OperationName): ErrorCode[] {
  if (name === 'locations' || name === 'zonesAtPoints') return [];
  const searches = OPERATIONS.filter((operation) => operation.name === 'nearest' || operation.name === 'within');
  return searches.flatMap((operation) => operation.parameters.map((parameter) => parameter.code));
}

function answerContent(schema: Schema): object {
  return { 'application/json': { schema }, 'application/msgpack': { schema } };
}
