// The shapes that the OpenAPI document names: bodies, answers and errors, as JSON Schema (2020-12, which OpenAPI 3.1 uses).

import { FIX_CODES, STATUS_OF_CODE } from '../errors.ts';
import {
  GEOMETRY_VERTICES_MAX,
  ID_BYTES_MAX,
  MULTISEARCH_MAX,
  TAG_BYTES_MAX,
  TAGS_DISTINCT_MAX,
  TAGS_PER_DRIVER_MAX,
  TTL_SECONDS_MAX,
  ZONE_FAULTS_LISTED_MAX,
  ZONE_POINTS_MAX,
} from '../limits.ts';
import { ETA, GROUPS, PICKUP } from './openapi-pickups.ts';
import type { Parameter } from './parameters.ts';
import { NESTED_WITHIN_PARAMETERS, NEAREST_PARAMETERS, WITHIN_PARAMETERS } from './searches.ts';

export type Schema = Readonly<Record<string, unknown>>;

const number = (description: string, range: Schema = {}): Schema => ({ type: 'number', description, ...range });
const list = (items: Schema, range: Schema = {}): Schema => ({ type: 'array', items, ...range });
export const reference = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

const LAT = number('Degrees.', { minimum: -90, maximum: 90 });
const LON = number('Degrees.', { minimum: -180, maximum: 180 });
const ID: Schema = { type: 'string', minLength: 1, description: `1 to ${ID_BYTES_MAX} bytes of UTF-8.` };
const TAG: Schema = {
  type: 'string',
  minLength: 1,
  pattern: '^[^,]+$',
  description: `1 to ${TAG_BYTES_MAX} bytes, no comma.`,
};
const TAGS = list(TAG, { maxItems: TAGS_PER_DRIVER_MAX });
const TIME: Schema = {
  oneOf: [number('Milliseconds since the Unix epoch.'), { type: 'string', format: 'date-time' }],
  description: "The server's clock when absent.",
};
const HEADING = number('Degrees clockwise from north.');
const SPEED = number('Metres per second.');
const ACCURACY = number('Metres.');
const TTL = number('Seconds.', { exclusiveMinimum: 0, maximum: TTL_SECONDS_MAX });
const AGE = number("Seconds since the fix's time.");
const POINT: Schema = { type: 'array', prefixItems: [LAT, LON], minItems: 2, maxItems: 2 };
const COUNT: Schema = { type: 'integer', minimum: 0 };

const VERSION: Schema = { type: 'integer', minimum: 0, description: 'Of all layers together; it only grows.' };
const PROPERTIES: Schema = { type: ['object', 'null'], description: 'As uploaded.' };

const nullable = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] });

const object = (properties: Record<string, Schema>, required: readonly string[]): Schema => ({
  type: 'object',
  properties,
  required,
});

/** A parameter as a property of a body. */
export function schemaOf(parameter: Parameter): Schema {
  const { description } = parameter;
  const byDefault = parameter.default === undefined ? {} : { default: parameter.default };
  switch (parameter.type) {
    case 'number':
    case 'integer': {
      const { min, max } = parameter;
      const range = { ...(min === undefined ? {} : { minimum: min }), ...(max === undefined ? {} : { maximum: max }) };
      return { type: parameter.type, description, ...range, ...byDefault };
    }
    case 'map':
      return { type: 'object', description };
    case 'flag':
      return { type: 'boolean', description, ...byDefault };
    case 'tags':
      return { ...list(TAG, { maxItems: TAGS_DISTINCT_MAX }), description };
    case 'bbox':
      return { ...reference('Bbox'), description };
    case 'geometry':
      return { ...reference('Geometry'), description };
    case 'circle':
      return { ...reference('Circle'), description };
    case 'searches':
      return { ...list(reference('Search'), { minItems: 1, maxItems: MULTISEARCH_MAX }), description };
    case 'points':
      return { ...list(POINT, { maxItems: ZONE_POINTS_MAX }), description };
    case 'batch':
      return { ...list({ anyOf: [reference('Fix'), reference('Row')] }), description };
    case 'string':
      return { type: 'string', description, ...(parameter.oneOf ? { enum: parameter.oneOf } : {}), ...byDefault };
  }
}

function bodyOf(parameters: readonly Parameter[]): Schema {
  const required = parameters.filter((parameter) => parameter.required === true).map((parameter) => parameter.name);
  const properties = Object.fromEntries(parameters.map((parameter) => [parameter.name, schemaOf(parameter)]));
  return { ...object(properties, required), additionalProperties: false };
}

function nearestBody(): Schema {
  const body = bodyOf(NEAREST_PARAMETERS) as { properties: Record<string, Schema> };
  return { ...body, properties: { ...body.properties, groups: GROUPS } };
}

const AREA_NAMES: ReadonlySet<string> = new Set(['bbox', 'geometry', 'circle', 'zone']);

function searchWithin(): Schema {
  const areas = WITHIN_PARAMETERS.filter((parameter) => AREA_NAMES.has(parameter.name));
  const area = { ...bodyOf(areas), minProperties: 1, maxProperties: 1, description: 'Exactly one area.' };
  const rest = bodyOf(NESTED_WITHIN_PARAMETERS) as { properties: Record<string, Schema> };
  return { ...object({ within: area, ...rest.properties }, ['within']), additionalProperties: false };
}

export const SCHEMAS: Readonly<Record<string, Schema>> = {
  Fix: object(
    {
      id: ID,
      lat: LAT,
      lon: LON,
      time: TIME,
      heading: HEADING,
      speed: SPEED,
      accuracy: ACCURACY,
      tags: { ...TAGS, description: "Replaces the driver's tags; absent leaves them." },
      ttl: TTL,
    },
    ['id', 'lat', 'lon'],
  ),
  Row: {
    type: 'array',
    description:
      '`[id, lat, lon, time, heading, speed, accuracy, tags, ttl]`; null, or a shorter row, for what is absent.',
    prefixItems: [ID, LAT, LON, ...[TIME, HEADING, SPEED, ACCURACY, TAGS, TTL].map(nullable)],
    minItems: 3,
    maxItems: 9,
  },
  Locations: object(
    {
      accepted: { ...COUNT, description: 'Newer than what was held, or different at the same time.' },
      stale: { ...COUNT, description: 'Older than what is held, or past their ttl; not applied.' },
      duplicate: { ...COUNT, description: 'The same as what is held; no effect.' },
      rejected: list(
        object({ index: COUNT, code: { type: 'string', enum: FIX_CODES }, message: { type: 'string' } }, [
          'index',
          'code',
          'message',
        ]),
      ),
    },
    ['accepted', 'stale', 'duplicate', 'rejected'],
  ),
  Driver: object(
    {
      id: ID,
      lat: LAT,
      lon: LON,
      time: number('Milliseconds since the Unix epoch.'),
      heading: HEADING,
      speed: SPEED,
      accuracy: ACCURACY,
      tags: TAGS,
      ttl: TTL,
      age: AGE,
    },
    ['id', 'lat', 'lon', 'time', 'ttl', 'age'],
  ),
  FoundDriver: object(
    {
      id: ID,
      lat: LAT,
      lon: LON,
      distance: number('Metres; of nearest and circle searches.'),
      age: AGE,
      heading: HEADING,
      speed: SPEED,
      tags: TAGS,
      ...ETA,
    },
    ['id', 'lat', 'lon', 'age'],
  ),
  SearchAnswer: object(
    {
      drivers: list(reference('FoundDriver')),
      more: { type: 'boolean', description: 'True when the limit cut the answer of a within; absent otherwise.' },
      tookMicros: number('Microseconds that the search took.'),
      traceId: { type: 'string', pattern: '^[0-9a-f]{32}$', description: 'Of a request that is recorded.' },
      explain: reference('Explain'),
      ...PICKUP,
    },
    ['drivers', 'tookMicros'],
  ),
  Explain: object(
    {
      cells: { ...COUNT, description: 'Cells of the index that were opened.' },
      candidates: { ...COUNT, description: 'Drivers that were looked at.' },
      rejected: {
        type: 'object',
        additionalProperties: COUNT,
        description: 'Of those, how many each condition refused.',
      },
      micros: { type: 'object', additionalProperties: { type: 'number' }, description: 'Microseconds by stage.' },
    },
    ['cells', 'candidates', 'rejected', 'micros'],
  ),
  Bbox: { type: 'array', prefixItems: [LON, LAT, LON, LAT], minItems: 4, maxItems: 4 },
  Circle: object({ lat: LAT, lon: LON, radius: number('Metres, inclusive.', { minimum: 0 }) }, [
    'lat',
    'lon',
    'radius',
  ]),
  Geometry: {
    ...object({ type: { enum: ['Polygon', 'MultiPolygon'] }, coordinates: { type: 'array' } }, ['type', 'coordinates']),
    description: `GeoJSON with closed rings of 4 positions or more, at most ${GEOMETRY_VERTICES_MAX} positions in all.`,
  },
  NearestSearch: { ...object({ nearest: nearestBody() }, ['nearest']), additionalProperties: false },
  WithinSearch: searchWithin(),
  Search: { oneOf: [reference('NearestSearch'), reference('WithinSearch')] },
  Multisearch: object({ searches: list(reference('Search'), { minItems: 1, maxItems: MULTISEARCH_MAX }) }, [
    'searches',
  ]),
  MultisearchAnswer: object(
    { results: list(reference('SearchAnswer')), traceId: { type: 'string', pattern: '^[0-9a-f]{32}$' } },
    ['results'],
  ),
  Supply: object(
    {
      resolution: { type: 'integer' },
      cells: list(
        object(
          {
            cell: { type: 'string', description: 'H3 index.' },
            count: { type: 'integer', minimum: 1 },
            tags: { type: 'object', additionalProperties: { type: 'integer', minimum: 1 } },
          },
          ['cell', 'count', 'tags'],
        ),
      ),
    },
    ['resolution', 'cells'],
  ),
  Ids: object({ ids: list({ type: 'string', pattern: '^[0-9]+$', description: 'An integer of 63 bits.' }) }, ['ids']),
  Zone: object({ layer: { type: 'string' }, id: ID, properties: PROPERTIES }, ['layer', 'id', 'properties']),
  ZonesAt: object({ version: VERSION, zones: list(reference('Zone')) }, ['version', 'zones']),
  ZonePoints: object({ points: list(POINT, { maxItems: ZONE_POINTS_MAX }), layer: { type: 'string' } }, ['points']),
  ZonesAtPoints: object({ version: VERSION, results: list(object({ zones: list(reference('Zone')) }, ['zones'])) }, [
    'version',
    'results',
  ]),
  ZoneLayers: object(
    {
      version: VERSION,
      layers: list(
        object(
          { layer: { type: 'string' }, etag: { type: 'string' }, version: VERSION, zones: COUNT, vertices: COUNT },
          ['layer', 'etag', 'version', 'zones', 'vertices'],
        ),
      ),
    },
    ['version', 'layers'],
  ),
  ZoneLayer: object(
    {
      type: { const: 'FeatureCollection' },
      features: list(
        object(
          {
            type: { const: 'Feature' },
            id: { type: ['string', 'number'] },
            properties: PROPERTIES,
            geometry: reference('ZoneGeometry'),
          },
          ['type', 'geometry'],
        ),
      ),
    },
    ['type', 'features'],
  ),
  ZoneGeometry: object({ type: { enum: ['Polygon', 'MultiPolygon'] }, coordinates: { type: 'array' } }, [
    'type',
    'coordinates',
  ]),
  ZonesPut: {
    ...object(
      {
        layer: { type: 'string' },
        version: VERSION,
        zones: COUNT,
        vertices: COUNT,
        buildMs: number('Milliseconds from the upload to its publication; absent for a dry run.'),
        added: list(ID),
        removed: list(ID),
        changed: list(ID),
        repaired: list(reference('ZoneFault'), { maxItems: ZONE_FAULTS_LISTED_MAX }),
        repairedMore: COUNT,
      },
      ['layer', 'version', 'zones', 'vertices'],
    ),
    description: '`added`, `removed` and `changed` are those of a dry run, `repaired` those of `repair`.',
  },
  ZonesDeleted: object({ layer: { type: 'string' }, version: VERSION }, ['layer', 'version']),
  ZoneFault: object(
    {
      code: { type: 'string' },
      message: { type: 'string' },
      feature: COUNT,
      part: COUNT,
      ring: COUNT,
      position: COUNT,
    },
    ['code', 'message'],
  ),
  Status: object({ status: { type: 'string' } }, ['status']),
  Error: object(
    {
      error: object(
        {
          code: { type: 'string', enum: Object.keys(STATUS_OF_CODE) },
          message: { type: 'string' },
          field: { type: 'string', description: "The request's field at fault." },
          index: { ...COUNT, description: 'Of a multisearch: which search is at fault; of points: which point.' },
          faults: {
            ...list(reference('ZoneFault'), { maxItems: ZONE_FAULTS_LISTED_MAX }),
            description: 'Of BAD_ZONES: what is wrong with the upload, in its order.',
          },
          more: { ...COUNT, description: 'Of BAD_ZONES: how many faults are not listed.' },
        },
        ['code', 'message'],
      ),
    },
    ['error'],
  ),
};
