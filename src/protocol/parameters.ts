// The parameters that requests are made of: name, type, range, default and the code that refuses a bad one. The table of
// operations (operations.ts) is made of these, and through it the parsers, the OpenAPI document and docs/protocol.md.

import type { ErrorCode } from '../errors.ts';
import {
  ID_BYTES_MAX,
  IDS_PER_REQUEST_MAX,
  K_DEFAULT,
  K_MAX,
  MULTISEARCH_MAX,
  RADIUS_METERS_DEFAULT,
  RADIUS_METERS_MAX,
  SUPPLY_RESOLUTION_DEFAULT,
  SUPPLY_RESOLUTION_MAX,
  WITHIN_LIMIT_DEFAULT,
  WITHIN_LIMIT_MAX,
  ZONE_POINTS_MAX,
} from '../limits.ts';

type ParameterType =
  | 'number'
  | 'integer'
  | 'string'
  | 'tags'
  | 'flag'
  | 'bbox'
  | 'geometry'
  | 'circle'
  | 'searches'
  | 'points'
  | 'batch'
  | 'map';

export interface Parameter {
  /** As clients write it. */
  readonly name: string;
  readonly type: ParameterType;
  /** The code that refuses a bad value. */
  readonly code: ErrorCode;
  readonly description: string;
  readonly required?: boolean;
  /** Inclusive. */
  readonly min?: number;
  /** Inclusive. */
  readonly max?: number;
  readonly default?: number | string | boolean;
  readonly oneOf?: readonly string[];
  /** Where HTTP has it when it is not where the operation's others are. */
  readonly place?: 'path' | 'query' | 'header';
}

const LAT = {
  name: 'lat',
  type: 'number',
  code: 'BAD_LAT',
  min: -90,
  max: 90,
  required: true,
  description: 'Latitude in degrees.',
} as const satisfies Parameter;

const LON = {
  name: 'lon',
  type: 'number',
  code: 'BAD_LON',
  min: -180,
  max: 180,
  required: true,
  description: 'Longitude in degrees.',
} as const satisfies Parameter;

const K = {
  name: 'k',
  type: 'integer',
  code: 'BAD_K',
  min: 1,
  max: K_MAX,
  default: K_DEFAULT,
  description: 'How many drivers at most.',
} as const satisfies Parameter;

const RADIUS = {
  name: 'radius',
  type: 'number',
  code: 'BAD_RADIUS',
  min: 0,
  max: RADIUS_METERS_MAX,
  default: RADIUS_METERS_DEFAULT,
  description: 'Metres, inclusive.',
} as const satisfies Parameter;

const CIRCLE_RADIUS = {
  name: 'radius',
  type: 'number',
  code: 'BAD_RADIUS',
  min: 0,
  max: RADIUS_METERS_MAX,
  required: true,
  description: 'Metres, inclusive.',
} as const satisfies Parameter;

const TAGS = {
  name: 'tags',
  type: 'tags',
  code: 'BAD_TAGS',
  description: 'Only drivers that carry all of these tags.',
} as const satisfies Parameter;

const ANY_TAGS = {
  name: 'anyTags',
  type: 'tags',
  code: 'BAD_TAGS',
  description: 'Only drivers that carry at least one of these tags.',
} as const satisfies Parameter;

const NOT_TAGS = {
  name: 'notTags',
  type: 'tags',
  code: 'BAD_TAGS',
  description: 'Only drivers that carry none of these tags.',
} as const satisfies Parameter;

const MAX_AGE = {
  name: 'maxAge',
  type: 'number',
  code: 'BAD_MAX_AGE',
  min: 0,
  description: 'Only drivers whose fix is at most this many seconds old, inclusive.',
} as const satisfies Parameter;

const EXPLAIN = {
  name: 'explain',
  type: 'flag',
  code: 'BAD_REQUEST',
  default: false,
  description:
    'Adds `explain` to the answer: what the search looked at, what each filter rejected, and where its time went.',
} as const satisfies Parameter;

const ZONE = {
  name: 'zone',
  type: 'string',
  code: 'BAD_REQUEST',
  description: 'Only drivers in this zone, its boundary included, as `layer/id`.',
} as const satisfies Parameter;

const ZONE_AREA = {
  ...ZONE,
  description: 'The area of a zone, as `layer/id`; beside another area only drivers in this zone.',
} as const satisfies Parameter;

const RANK = {
  name: 'rank',
  type: 'string',
  code: 'BAD_RANK',
  oneOf: ['distance', 'eta'],
  default: 'distance',
  description:
    'The order of the answer: by distance, or by how long drivers need to get there, whose answers have `eta` in seconds and `etaSource`.',
} as const satisfies Parameter;

const POLICY = {
  name: 'policy',
  type: 'flag',
  code: 'BAD_REQUEST',
  description:
    'Whether the policies of the zones at the place hold (docs/zones.md). True when absent with `rank=eta`, `fare` or `groups`, else false.',
} as const satisfies Parameter;

const FARE = {
  name: 'fare',
  type: 'flag',
  code: 'BAD_REQUEST',
  default: false,
  description: "Adds `fare`, the tariff of the place's zones; with `toLat` and `toLon` an estimate for a trip there.",
} as const satisfies Parameter;

const TO_LAT = {
  name: 'toLat',
  type: 'number',
  code: 'BAD_LAT',
  min: -90,
  max: 90,
  description: 'Where the trip goes, for `fare`: latitude in degrees.',
} as const satisfies Parameter;

const TO_LON = {
  name: 'toLon',
  type: 'number',
  code: 'BAD_LON',
  min: -180,
  max: 180,
  description: 'Where the trip goes, for `fare`: longitude in degrees.',
} as const satisfies Parameter;

const NOT_CLAIMED = {
  name: 'notClaimed',
  type: 'flag',
  code: 'BAD_REQUEST',
  default: false,
  description: 'Only drivers that nobody holds by a claim. True is not supported yet.',
} as const satisfies Parameter;

const LIMIT = {
  name: 'limit',
  type: 'integer',
  code: 'BAD_LIMIT',
  min: 1,
  max: WITHIN_LIMIT_MAX,
  default: WITHIN_LIMIT_DEFAULT,
  description: 'How many drivers at most; an answer that was cut says `"more": true`.',
} as const satisfies Parameter;

const BBOX = {
  name: 'bbox',
  type: 'bbox',
  code: 'BAD_BBOX',
  description: 'A box `[west, south, east, north]` in degrees, edges included; west > east crosses the antimeridian.',
} as const satisfies Parameter;

const GEOMETRY = {
  name: 'geometry',
  type: 'geometry',
  code: 'BAD_GEOMETRY',
  description: 'A GeoJSON Polygon or MultiPolygon; its boundary belongs to it.',
} as const satisfies Parameter;

const CIRCLE = {
  name: 'circle',
  type: 'circle',
  code: 'BAD_REQUEST',
  description: 'A circle `{"lat", "lon", "radius"}`; its boundary belongs to it.',
} as const satisfies Parameter;

const ID = {
  name: 'id',
  type: 'string',
  code: 'BAD_ID',
  min: 1,
  max: ID_BYTES_MAX,
  required: true,
  description: "The driver's id, 1 to 128 bytes of UTF-8.",
} as const satisfies Parameter;

const RESOLUTION = {
  name: 'resolution',
  type: 'integer',
  code: 'BAD_RESOLUTION',
  min: 0,
  max: SUPPLY_RESOLUTION_MAX,
  default: SUPPLY_RESOLUTION_DEFAULT,
  description: 'H3 resolution of the cells.',
} as const satisfies Parameter;

const N = {
  name: 'n',
  type: 'integer',
  code: 'BAD_N',
  min: 1,
  max: IDS_PER_REQUEST_MAX,
  default: 1,
  description: 'How many.',
} as const satisfies Parameter;

const SEARCHES = {
  name: 'searches',
  type: 'searches',
  code: 'BAD_REQUEST',
  min: 1,
  max: MULTISEARCH_MAX,
  required: true,
  description: 'Search bodies, each as for `POST /v1/search`.',
} as const satisfies Parameter;

const LAYER = {
  name: 'layer',
  type: 'string',
  code: 'BAD_LAYER',
  description: 'Only zones of this layer; an unknown one has none.',
} as const satisfies Parameter;

const LAYER_IN_PATH = {
  name: 'layer',
  type: 'string',
  code: 'BAD_LAYER',
  required: true,
  place: 'path',
  description: "The layer's name: 1 to 64 of `a-z 0-9 . _ -`, but not `at`.",
} as const satisfies Parameter;

const POINTS = {
  name: 'points',
  type: 'points',
  code: 'BAD_REQUEST',
  max: ZONE_POINTS_MAX,
  description: 'Points `[lat, lon]`, instead of `lat` and `lon`.',
} as const satisfies Parameter;

const DRY_RUN = {
  name: 'dryRun',
  type: 'flag',
  code: 'BAD_REQUEST',
  default: false,
  place: 'query',
  description: 'Say what would change, and change nothing.',
} as const satisfies Parameter;

const REPAIR = {
  name: 'repair',
  type: 'flag',
  code: 'BAD_REQUEST',
  default: false,
  place: 'query',
  description: 'Take what can be repaired, and list what was done.',
} as const satisfies Parameter;

const ID_PROPERTY = {
  name: 'idProperty',
  type: 'string',
  code: 'BAD_REQUEST',
  place: 'query',
  description: 'The property that holds the id of features that have none in `id` and `properties.id`.',
} as const satisfies Parameter;

const IF_MATCH = {
  name: 'If-Match',
  type: 'string',
  code: 'VERSION_CONFLICT',
  place: 'header',
  description: 'The ETag that the layer must have for the change to be made; `*` for any layer that is there.',
} as const satisfies Parameter;

const BATCH = {
  name: 'batch',
  type: 'batch',
  code: 'BAD_REQUEST',
  required: true,
  description: 'Fixes as maps or rows.',
} as const satisfies Parameter;

const ACK = {
  name: 'ack',
  type: 'string',
  code: 'BAD_REQUEST',
  oneOf: ['none', 'applied', 'durable'],
  default: 'applied',
  description: 'When to answer: never (but for rejected fixes), when applied, or when on disk.',
} as const satisfies Parameter;

export const PARAMETERS = {
  LAT,
  LON,
  K,
  RADIUS,
  CIRCLE_RADIUS,
  TAGS,
  ANY_TAGS,
  NOT_TAGS,
  MAX_AGE,
  EXPLAIN,
  ZONE,
  ZONE_AREA,
  RANK,
  POLICY,
  FARE,
  TO_LAT,
  TO_LON,
  NOT_CLAIMED,
  LIMIT,
  BBOX,
  GEOMETRY,
  CIRCLE,
  ID,
  RESOLUTION,
  N,
  SEARCHES,
  LAYER,
  LAYER_IN_PATH,
  POINTS,
  DRY_RUN,
  REPAIR,
  ID_PROPERTY,
  IF_MATCH,
  BATCH,
  ACK,
} as const;
