// Turns the fields of a search into the engine's typed query. HTTP nests the fields of a search under `nearest` or `within`;
// WebSocket requests carry them flat.

import { RazielError } from '../errors.ts';
import type { Area, Filters, NearestQuery, SearchQuery, WithinQuery, ZoneName } from '../drivers/engine.ts';
import { MULTISEARCH_MAX } from '../limits.ts';
import {
  type Fields,
  isFields,
  isGiven,
  readFlag,
  readNumber,
  readOptionalNumber,
  readTags,
  readWord,
  refuseUnknown,
} from './fields.ts';
import { readBbox, readCircle, readGeometry } from './geometry.ts';
import { type Parameter, PARAMETERS } from './parameters.ts';
import { refusal } from './refusal.ts';

const P = PARAMETERS;

const OTHER_FILTERS: readonly Parameter[] = [P.TAGS, P.ANY_TAGS, P.NOT_TAGS, P.MAX_AGE, P.NOT_CLAIMED, P.EXPLAIN];
const FILTERS: readonly Parameter[] = [...OTHER_FILTERS, P.ZONE];
const AREAS: readonly Parameter[] = [P.BBOX, P.GEOMETRY, P.CIRCLE, P.ZONE_AREA];

export const NEAREST_PARAMETERS: readonly Parameter[] = [P.LAT, P.LON, P.K, P.RADIUS, ...FILTERS, P.RANK];
export const WITHIN_PARAMETERS: readonly Parameter[] = [...AREAS, P.LIMIT, ...OTHER_FILTERS];
/** Those of a body of HTTP, beside the area. */
export const NESTED_WITHIN_PARAMETERS: readonly Parameter[] = [P.LIMIT, ...FILTERS];

const NEAREST_NAMES = namesOf(NEAREST_PARAMETERS);
const WITHIN_NAMES = namesOf(WITHIN_PARAMETERS);
const AREA_NAMES = namesOf(AREAS);
const NESTED_WITHIN_NAMES = new Set(['within', ...namesOf(NESTED_WITHIN_PARAMETERS)]);
const NESTED_NEAREST_NAMES = new Set(['nearest']);

function namesOf(parameters: readonly Parameter[]): ReadonlySet<string> {
  return new Set(parameters.map((parameter) => parameter.name));
}

/** A nearest search, fields flat. */
export function readNearest(fields: Fields): NearestQuery {
  refuseUnknown(fields, NEAREST_NAMES, 'nearest');
  if (readWord(fields, P.RANK) === 'eta') throw notSupported('rank', 'rank=eta is not supported by this server');
  return {
    kind: 'nearest',
    lat: readNumber(fields, P.LAT),
    lon: readNumber(fields, P.LON),
    k: readNumber(fields, P.K),
    radiusMeters: readNumber(fields, P.RADIUS),
    ...readFilters(fields),
  };
}

/** A within search, area and other fields flat. */
export function readWithin(fields: Fields): WithinQuery {
  refuseUnknown(fields, WITHIN_NAMES, 'within');
  // Beside another area the zone is a filter.
  const isFilter = isGiven(fields['zone']) && AREAS.some(({ name }) => name !== 'zone' && isGiven(fields[name]));
  const [area, filters] = isFilter ? [without(fields, 'zone'), fields] : [fields, without(fields, 'zone')];
  return { kind: 'within', area: readArea(area), limit: readNumber(fields, P.LIMIT), ...readFilters(filters) };
}

/** The body of `POST /v1/search`: `{"nearest": {…}}` or `{"within": {area}, "limit"?, …filters}`. */
export function readSearch(body: unknown): SearchQuery {
  if (!isFields(body)) throw new RazielError('BAD_REQUEST', 'a search must be a map with nearest or within');
  const { nearest, within } = body;
  if (isGiven(nearest) === isGiven(within)) {
    throw new RazielError('BAD_REQUEST', 'a search must have exactly one of nearest and within');
  }
  if (isGiven(nearest)) {
    if (!isFields(nearest)) throw refusal('BAD_REQUEST', 'nearest', 'must be a map', nearest);
    refuseUnknown(withoutNull(body), NESTED_NEAREST_NAMES, 'a search with nearest');
    return readNearest(nearest);
  }
  if (!isFields(within)) throw refusal('BAD_REQUEST', 'within', 'must be a map with an area', within);
  refuseUnknown(within, AREA_NAMES, 'within');
  refuseUnknown(withoutNull(body), NESTED_WITHIN_NAMES, 'a search with within');
  return { kind: 'within', area: readArea(within), limit: readNumber(body, P.LIMIT), ...readFilters(body) };
}

/** The searches of a multisearch; a fault in one names its index. */
export function readSearches(fields: Fields): SearchQuery[] {
  const searches = fields['searches'];
  if (!Array.isArray(searches) || searches.length === 0 || searches.length > MULTISEARCH_MAX) {
    throw refusal('BAD_REQUEST', 'searches', `must be a list of 1..${MULTISEARCH_MAX} searches`, searches);
  }
  return searches.map((search: unknown, index) => {
    try {
      return readSearch(search);
    } catch (error) {
      throw error instanceof RazielError ? inSearch(error, index) : error;
    }
  });
}

/** The same error, naming the search of a multisearch that it came from. */
export function inSearch(error: RazielError, index: number): RazielError {
  const detail = error.field === undefined ? { index } : { index, field: error.field };
  return new RazielError(error.code, `search ${index}: ${error.message}`, detail);
}

function readArea(fields: Fields): Area {
  const given = AREAS.filter((parameter) => isGiven(fields[parameter.name])).map((parameter) => parameter.name);
  if (given.length !== 1) {
    const got = given.length === 0 ? 'none' : given.join(' and ');
    throw new RazielError(
      'BAD_REQUEST',
      `within must have exactly one of bbox, geometry, circle and zone, got ${got}`,
      {
        field: 'within',
      },
    );
  }
  switch (given[0]) {
    case 'bbox':
      return readBbox(fields['bbox']);
    case 'geometry':
      return readGeometry(fields['geometry']);
    case 'circle':
      return readCircle(fields['circle']);
    default:
      return { kind: 'zone', zone: readZone(fields['zone']) };
  }
}

/** `layer/id`; layers have no slash in their names, ids may. */
function readZone(value: unknown): ZoneName {
  const slash = typeof value === 'string' ? value.indexOf('/') : -1;
  if (typeof value !== 'string' || slash <= 0 || slash === value.length - 1) {
    throw refusal('BAD_REQUEST', 'zone', 'must be layer/id', value);
  }
  return { layer: value.slice(0, slash), id: value.slice(slash + 1) };
}

function readFilters(fields: Fields): Filters & { readonly explain?: boolean } {
  if (readFlag(fields, P.NOT_CLAIMED)) throw notSupported('notClaimed', 'claims are not supported by this server');
  const tags = readTags(fields, P.TAGS);
  const anyTags = readTags(fields, P.ANY_TAGS);
  const notTags = readTags(fields, P.NOT_TAGS);
  const maxAgeSeconds = readOptionalNumber(fields, P.MAX_AGE);
  return {
    ...(tags === undefined ? {} : { tags }),
    ...(anyTags === undefined ? {} : { anyTags }),
    ...(notTags === undefined ? {} : { notTags }),
    ...(maxAgeSeconds === undefined ? {} : { maxAgeSeconds }),
    ...(isGiven(fields['zone']) ? { zone: readZone(fields['zone']) } : {}),
    ...(readFlag(fields, P.EXPLAIN) ? { explain: true } : {}),
  };
}

function without(fields: Fields, name: string): Fields {
  return isGiven(fields[name]) ? { ...fields, [name]: null } : fields;
}

function withoutNull(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => isGiven(value)));
}

function notSupported(field: string, message: string): RazielError {
  return new RazielError('NOT_SUPPORTED', message, { field });
}
