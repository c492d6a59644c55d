// What goes over the wire, as the client's callers see it. Degrees on WGS84, metres, metres per second, degrees clockwise
// from north, milliseconds since the Unix epoch; docs/protocol.md has every rule.

/** One location update as a map. */
export interface FixMap {
  /** 1 to 128 UTF-8 bytes. */
  id: string;
  /** −90..90. */
  lat: number;
  /** −180..180. */
  lon: number;
  /** Milliseconds since the Unix epoch, or ISO 8601; the server's clock when absent. */
  time?: number | string;
  /** Degrees clockwise from north. */
  heading?: number;
  /** Metres per second. */
  speed?: number;
  /** Metres. */
  accuracy?: number;
  /** Replaces the driver's tags; absent leaves them. */
  tags?: readonly string[];
  /** Seconds, over 0, up to 30 days; the server's default when absent. */
  ttl?: number;
}

/** One location update as a row, the compact form for volume: null, or a shorter row, for what is absent. */
export type FixRow = readonly [
  id: string,
  lat: number,
  lon: number,
  time?: number | string | null,
  heading?: number | null,
  speed?: number | null,
  accuracy?: number | null,
  tags?: readonly string[] | null,
  ttl?: number | null,
];

export type Fix = FixMap | FixRow;

/** `none`: no answer unless some fixes were rejected; `applied`: every later search sees them; `durable`: stored. */
export type Ack = 'none' | 'applied' | 'durable';

export interface RejectedFix {
  /** Position in the batch, from 0. */
  index: number;
  code: string;
  message: string;
}

/** What became of a batch; the four add up to its length. */
export interface LocationsAnswer {
  accepted: number;
  stale: number;
  duplicate: number;
  rejected: RejectedFix[];
}

/** Which drivers count; all conditions hold together. */
export interface Filters {
  /** All of these. */
  tags?: readonly string[];
  /** At least one of these. */
  anyTags?: readonly string[];
  /** None of these. */
  notTags?: readonly string[];
  /** Age of the fix at most, in seconds. */
  maxAge?: number;
  /** Only drivers in this zone, as `layer/id`. */
  zone?: string;
  /** Adds `explain` to the answer. */
  explain?: boolean;
}

/** By distance alone. */
export interface PlainNearestQuery extends Filters {
  lat: number;
  lon: number;
  /** 1..1,000, default 10. */
  k?: number;
  /** Metres, inclusive, up to 1,000,000; default 5,000. */
  radius?: number;
}

/** With any of these a search asks for more than distance; not within a multisearch. */
export interface NearestQuery extends PlainNearestQuery {
  /** `eta`: the quickest to be there first, with `eta` and `etaSource`; default `distance`. */
  rank?: 'distance' | 'eta';
  /** Whether the policies of the zones at the place hold; default true with `rank: 'eta'`, `fare` or `groups`, else false. `NO_PICKUP` where one allows none. */
  policy?: boolean;
  /** Adds the tariff of the place's zones, if one has any. */
  fare?: boolean;
  /** Where the trip goes, for an estimate of its fare; both or neither. */
  toLat?: number;
  toLon?: number;
  /** 1 to 8 lists of tags: for each the best `k` drivers that carry all of them, in one list, a driver once. */
  groups?: readonly (readonly string[])[];
}

/** One area: drivers inside it, by id; those of a circle by distance. `zone` alone is the area, beside another a filter. */
export interface WithinQuery extends Filters {
  /** [west, south, east, north]; west > east crosses the antimeridian. */
  bbox?: readonly [number, number, number, number];
  /** A GeoJSON Polygon or MultiPolygon, positions [lon, lat]. */
  geometry?: { type: 'Polygon' | 'MultiPolygon'; coordinates: unknown };
  circle?: { lat: number; lon: number; radius: number };
  /** 1..10,000, default 100. */
  limit?: number;
}

/** One of the searches of a multisearch, as the body of `POST /v1/search`. */
export type Search =
  | { nearest: PlainNearestQuery }
  | ({ within: Omit<WithinQuery, keyof Filters | 'limit'> & { zone?: string }; limit?: number } & Filters);

export interface FoundDriver {
  id: string;
  lat: number;
  lon: number;
  /** Metres; nearest and circle only. */
  distance?: number;
  /** Seconds since the fix's time. */
  age: number;
  heading?: number;
  speed?: number;
  tags?: string[];
  /** Seconds to the place; with `rank: 'eta'`. */
  eta?: number;
  /** Who said so. */
  etaSource?: EtaSource;
}

export type EtaSource = 'learned' | 'osrm' | 'valhalla';

export interface SearchAnswer {
  drivers: FoundDriver[];
  /** True when `limit` cut the answer of a within. */
  more?: boolean;
  tookMicros: number;
  traceId?: string;
  explain?: Record<string, unknown>;
}

/** A tariff, in units of its currency, and with a destination the estimate for a trip there. */
export interface FareAnswer {
  base: number;
  perKm: number;
  perMinute: number;
  /** ISO 4217. */
  currency: string;
  /** What the trip may cost. */
  amount?: number;
  /** Of the trip, along roads, estimated. */
  meters?: number;
  seconds?: number;
}

/** The last four where zones were asked: with a policy, or `fare`. */
export interface NearestAnswer extends SearchAnswer {
  /** Of the zones. */
  version?: number;
  /** `layer/id` of those at the place, the most specific first. */
  zones?: string[];
  /** For each field that a zone sets, the `layer/id` whose rule applies. */
  policy?: Partial<Record<'pickup' | 'tags' | 'notTags' | 'radius' | 'k' | 'fare', string>>;
  fare?: FareAnswer;
}

export interface MultisearchAnswer {
  results: SearchAnswer[];
  tookMicros?: number;
}

/** The fix held for a driver. */
export interface DriverAnswer {
  id: string;
  lat: number;
  lon: number;
  time: number;
  heading?: number;
  speed?: number;
  accuracy?: number;
  tags?: string[];
  /** Seconds. */
  ttl: number;
  /** Seconds since `time`. */
  age: number;
}

/** A point in all layers, or in one. */
export interface ZonesAtQuery {
  lat: number;
  lon: number;
  layer?: string;
}

/** Up to 10,000 points `[lat, lon]`, looked up in one version of the zones. */
export interface ZonesAtPointsQuery {
  points: readonly (readonly [lat: number, lon: number])[];
  layer?: string;
}

export interface FoundZone {
  layer: string;
  id: string;
  /** As uploaded. */
  properties: Record<string, unknown> | null;
}

export interface ZonesAtAnswer {
  /** Of all layers together; it only grows. */
  version: number;
  /** By layer, priority, smaller area, id. */
  zones: FoundZone[];
}

export interface ZonesAtPointsAnswer {
  version: number;
  /** In the order of the points. */
  results: { zones: FoundZone[] }[];
}

export interface SupplyQuery {
  /** H3 resolution, default 8. */
  resolution?: number;
  bbox?: readonly [number, number, number, number];
  tags?: readonly string[];
}

export interface SupplyAnswer {
  resolution: number;
  cells: { cell: string; count: number; tags: Record<string, number> }[];
}
