// Turns the fields of a search into the engine's typed query. HTTP nests the fields of a search under `nearest` or `within`;
// WebSocket requests carry them flat.

import { RazielError } from '../errors.ts';
import type { Area, Filters, NearestQuery, Ranking, SearchQuery, WithinQuery, ZoneName } from '../drivers/engine.ts';
import { GROUPS_MAX, MULTISEARCH_MAX } from '../limits.ts';
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

export const NEAREST_PARAMETERS: readonly Parameter[] = [
  P.LAT,
  P.LON,
  P.K,
  P.RADIUS,
  ...FILTERS,
  P.RANK,
  P.POLICY,
  P.FARE,
  P.TO_LAT,
  P.TO_LON,
];
export const WITHIN_PARAMETERS: readonly Parameter[] = [...AREAS, P.LIMIT, ...OTHER_FILTERS];
/** Those of a body of HTTP, beside the area. */
export const NESTED_WITHIN_PARAMETERS: readonly Parameter[] = [P.LIMIT, ...FILTERS];

const NEAREST_NAMES = new Set([...namesOf(NEAREST_PARAMETERS), 'groups']);
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
  const ranking = readRanking(fields);
  return {
    kind: 'nearest',
    lat: readNumber(fields, P.LAT),
    lon: readNumber(fields, P.LON),
    k: readNumber(fields, P.K),
    radiusMeters: readNumber(fields, P.RADIUS),
    ...readFilters(fields),
    ...(ranking === undefined ? {} : { ranking }),
  };
}

/** As `readNearest`, for nearest-driver.search by its name: ranked by time and within policy unless it says otherwise. */
export function readRanked(fields: Fields): NearestQuery {
  const rank = isGiven(fields['rank']) ? fields['rank'] : 'eta';
  const policy = isGiven(fields['policy']) ? fields['policy'] : true;
  const query = readNearest({ ...fields, rank, policy });
  return query.ranking === undefined ? { ...query, ranking: rankingOf(fields, 'distance', false) } : query;
}

/** Undefined for a search by distance and nothing else. */
function readRanking(fields: Fields): Ranking | undefined {
  const rank = readWord(fields, P.RANK) === 'eta' ? 'eta' : 'distance';
  const isPlain = rank === 'distance' && !readFlag(fields, P.FARE) && !isGiven(fields['groups']);
  const policy = isGiven(fields['policy']) ? readFlag(fields, P.POLICY) : !isPlain;
  return isPlain && !policy ? undefined : rankingOf(fields, rank, policy);
}

function rankingOf(fields: Fields, rank: Ranking['rank'], policy: boolean): Ranking {
  const lat = readOptionalNumber(fields, P.TO_LAT);
  const lon = readOptionalNumber(fields, P.TO_LON);
  if ((lat === undefined) !== (lon === undefined)) {
    throw new RazielError('BAD_REQUEST', 'toLat and toLon come together', {
      field: lat === undefined ? 'toLat' : 'toLon',
    });
  }
  return {
    rank,
    policy,
    fare: readFlag(fields, P.FARE),
    to: lat === undefined || lon === undefined ? undefined : { lat, lon },
    k: readOptionalNumber(fields, P.K),
    radiusMeters: readOptionalNumber(fields, P.RADIUS),
    groups: readGroups(fields['groups']),
  };
}

/** Lists of tags; each is a search of its own. */
function readGroups(value: unknown): readonly (readonly string[])[] {
  if (!isGiven(value)) return [];
  if (!Array.isArray(value) || value.length === 0 || value.length > GROUPS_MAX) {
    throw refusal('BAD_REQUEST', 'groups', `must be a list of 1..${GROUPS_MAX} lists of tags`, value);
  }
  return value.map((tags: unknown) => readTags({ tags }, P.TAGS) ?? []);
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
      const query = readSearch(search);
      if (query.kind === 'nearest' && query.ranking !== undefined) {
        throw notSupported('rank', 'rank=eta, fare, policy and groups are not supported within a multisearch');
      }
      return query;
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
