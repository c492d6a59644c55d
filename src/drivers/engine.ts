// The engine of drivers: what holds the latest fix of every driver and answers searches over them.
//
// Three implementations stand behind this interface and give the same answers (test/contract, test/property):
// native (C++, any number of threads attach to one), portable (TypeScript, one thread) and the brute-force oracle of the tests.
// Bytes cross this boundary, not objects: a batch of fixes comes as the MessagePack that arrived, an answer leaves as the
// MessagePack that will be sent. Degrees on WGS84, metres, milliseconds since the Unix epoch; see docs/protocol.md.

import type { FixCode, RazielError } from '../errors.ts';

export type EngineKind = 'native' | 'portable' | 'oracle';

export interface EngineOptions {
  /** Drivers held at most, 1 or more; past it a new driver's fix is rejected with ENGINE_FULL. */
  readonly driversMax: number;
  /** Time to live of a fix that brings none, in seconds, over 0. */
  readonly ttlSecondsDefault: number;
  /** Candidates that one search may look at; past it, it ends with SEARCH_TOO_WIDE. */
  readonly searchCandidatesMax: number;
}

/** Which drivers count. All conditions hold together; an absent one lets everything pass. Tags are valid and distinct. */
export interface Filters {
  /** All of these. */
  readonly tags?: readonly string[];
  /** At least one of these. */
  readonly anyTags?: readonly string[];
  /** None of these. */
  readonly notTags?: readonly string[];
  /** Age of the fix at most, seconds, inclusive, 0 or more. */
  readonly maxAgeSeconds?: number;
  /** Only drivers in this zone, its boundary included, as it is when the search begins. */
  readonly zone?: ZoneName;
}

export interface ZoneName {
  readonly layer: string;
  readonly id: string;
}

/** The zones that searches may be restricted to; what src/zones offers, as far as an engine needs it. */
export interface ZoneSource {
  /** Of the native zones, which the native engine reaches without JavaScript. */
  readonly handle?: number;
  /** A zone of the current version, or undefined when there is none of that name. */
  shape(
    layer: string,
    id: string,
  ):
    | {
        /** Latitude −90..90, longitude −180..180. */
        contains(lat: number, lon: number): boolean;
        /** [west, south, east, north] of boxes that cover the zone; west ≤ east. */
        readonly boxes: readonly (readonly [number, number, number, number])[];
        /** Positions of its rings, where a test takes time in proportion to them. */
        readonly vertices?: number;
      }
    | undefined;
}

/** The k nearest drivers within the radius (inclusive), by distance, those at one position by id (bytes). */
export interface NearestQuery extends Filters {
  readonly kind: 'nearest';
  /** −90..90. */
  readonly lat: number;
  /** −180..180. */
  readonly lon: number;
  /** 1..K_MAX. */
  readonly k: number;
  /** 0..RADIUS_METERS_MAX. */
  readonly radiusMeters: number;
  readonly explain?: boolean;
  /** For src/nearest, which searches on its behalf; engines know nothing of it. */
  readonly ranking?: Ranking;
}

/** What a nearest search asks for beyond distance. */
export interface Ranking {
  readonly rank: 'distance' | 'eta';
  /** Whether the policies of zones hold. */
  readonly policy: boolean;
  /** Whether a fare is to be estimated. */
  readonly fare: boolean;
  /** Where the trip goes. */
  readonly to: { readonly lat: number; readonly lon: number } | undefined;
  /** What was asked for by name, where it was. */
  readonly k: number | undefined;
  readonly radiusMeters: number | undefined;
  /** For each list of tags the drivers that carry all of them; none: one search without. */
  readonly groups: readonly (readonly string[])[];
}

/** A ring as [lon, lat] positions, closed (first equals last), 4 or more. */
export type Ring = readonly (readonly [number, number])[];

export type Area =
  /** Edges included; west > east crosses the antimeridian; west −180 and east 180 is all the way round. */
  | {
      readonly kind: 'bbox';
      readonly west: number;
      readonly south: number;
      readonly east: number;
      readonly north: number;
    }
  /** Drivers by distance, as for nearest. Radius inclusive, 0..RADIUS_METERS_MAX. */
  | { readonly kind: 'circle'; readonly lat: number; readonly lon: number; readonly radiusMeters: number }
  /**
   * Polygons of rings, the first of each its shell, the others its holes. Edges are straight in lon/lat and belong to the
   * area; an edge over more than 180° of longitude goes the short way across the antimeridian; a ring around the axis holds the
   * nearer pole. A point counts when it is inside or on an edge of any of the polygons.
   */
  | { readonly kind: 'polygons'; readonly polygons: readonly (readonly Ring[])[] }
  | { readonly kind: 'zone'; readonly zone: ZoneName };

/** Drivers in an area, by id (bytes); those of a circle by distance and with it. */
export interface WithinQuery extends Filters {
  readonly kind: 'within';
  readonly area: Area;
  /** 1..WITHIN_LIMIT_MAX; the answer says `more: true` when it cut. */
  readonly limit: number;
  readonly explain?: boolean;
}

export type SearchQuery = NearestQuery | WithinQuery;

/** What the client called its request; repeated in the answer. */
export type Ref = string | number | undefined;

/** A fix as held, flat, absent fields absent; what `GET /v1/drivers/{id}` answers. */
export interface HeldFix {
  readonly id: string;
  readonly lat: number;
  readonly lon: number;
  readonly time: number;
  readonly heading?: number;
  readonly speed?: number;
  readonly accuracy?: number;
  /** Sorted by bytes; absent when the driver has none. */
  readonly tags?: readonly string[];
  /** Seconds. */
  readonly ttl: number;
  /** Seconds since `time`; negative when the fix's clock runs ahead of the server's. */
  readonly age: number;
}

export interface RejectedFix {
  /** Position in the batch, from 0. */
  readonly index: number;
  readonly code: FixCode;
  readonly message: string;
}

export interface BatchResult {
  readonly accepted: number;
  readonly stale: number;
  readonly duplicate: number;
  readonly rejected: readonly RejectedFix[];
}

export interface EngineStats {
  /** Drivers held and not expired when last swept; expired ones may count until the next sweep. */
  readonly drivers: number;
  readonly driversMax: number;
  /** Distinct tags that drivers carry. */
  readonly tags: number;
  /** Bytes that the index itself has asked of the system. */
  readonly bytes: number;
}

/** Where answers are written. The engine grows it as needed (replacing `bytes`), so read `bytes` anew after each call. */
export interface ReplyBuffer {
  bytes: Uint8Array;
}

/** One driver as `scan` hands it out. */
export interface ScannedDriver {
  readonly lat: number;
  readonly lon: number;
  readonly tags: readonly string[];
}

export interface DriverEngine {
  readonly kind: EngineKind;
  readonly options: EngineOptions;

  /**
   * Applies a batch of fixes: the MessagePack of one array of maps or rows, from `start` (default 0) to `end` (default the
   * length). When the call returns, every later search on any thread sees what was accepted.
   * @throws RazielError BAD_MSGPACK when the bytes are not one whole MessagePack value (nothing is applied then),
   *   BAD_REQUEST when they are not an array, TOO_LARGE for more than `fixesMax` fixes.
   */
  apply(batch: Uint8Array, nowMs: number, fixesMax: number): BatchResult;

  /**
   * Searches, and writes the answer into `out` from `offset` as one MessagePack map: `ref` (when there is one), `drivers`,
   * `more` (within, when cut), `tookMicros`, `explain` (when asked). Returns the offset behind it.
   * A driver is `id`, `lat`, `lon`, `distance` (nearest, circle), `age` in seconds, `heading`, `speed` and `tags` (when known, or any).
   * `explain` is {cells, candidates, rejected: {expired, maxAge, tags, anyTags, notTags, distance | area}, micros: {search, encode}}:
   * whole numbers; a driver counts under one condition that it fails, and one that was skipped unseen under none.
   * @throws RazielError SEARCH_TOO_WIDE past the candidate budget, UNKNOWN_ZONE for a `zone` that there is not.
   */
  search(query: SearchQuery, nowMs: number, ref: Ref, out: ReplyBuffer, offset: number): number;

  /** The fix held, or undefined for an unknown or expired driver. */
  driver(id: string, nowMs: number): HeldFix | undefined;

  /** Forgets a driver; false when there was none (or it had expired). Any later fix of it is new. */
  remove(id: string, nowMs: number): boolean;

  /**
   * Visits live drivers, each once, from a cursor on (0 to begin), about `count` of them; returns the next cursor, or 0 at the end.
   * Drivers that come, go or move meanwhile are seen or not. For supply and exports, off the serving threads.
   */
  scan(cursor: number, count: number, nowMs: number, visit: (driver: ScannedDriver) => void): number;

  /** Frees what has expired and tidies, a bounded slice a call; call it a few times a second. */
  sweep(nowMs: number): void;

  stats(): EngineStats;

  /** Where `zone` in searches is looked up; before this is called no zone is known. */
  useZones(zones: ZoneSource): void;

  /** Detaches. The drivers are gone when the last thread has. */
  close(): void;
}

/** What a row of `frameRows` says of a frame, where it is no length of an answer. */
export const FRAME_NOT_HOT = -1;
export const FRAME_TOO_WIDE = -2;
/** The batch is applied, and `rejections` has the answer. */
export const FRAME_REJECTIONS = -3;
export const FRAME_SKIPPED = -4;

/** Int32 of a row: result (length of the answer, 0 for none, or FRAME_…), op, and of locations what became of the fixes. */
export const FRAME_ROW = {
  size: 11,
  result: 0,
  op: 1,
  accepted: 2,
  stale: 3,
  duplicate: 4,
  rejected: 5,
  micros: 6,
} as const;
/** What `op` of a row counts; the bits of `allowed` are in the same order. */
export const FRAME_OPS = ['locations', 'nearest', 'zonesAt'] as const;
/** In `allowed` of a staged frame that is to be passed over. */
export const FRAME_SKIP = 0x80;
/** Frames that one call of `answerFrames` deals with at most: some hundreds of microseconds of searches. */
export const ANSWERED_FRAMES_MAX = 256;

/** Frames one behind the other in `bytes`; frame i ends at `ends[i]`, and may be one of the ops whose bits `allowed[i]` has. */
export interface StagedFrames {
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
  readonly allowed: Uint8Array;
}

/**
 * The short way for hot WebSocket frames, which only the native engine has: a MessagePack frame that is a plain, valid `nearest`, `zonesAt` or
 * `locations` request (ack none or applied) is answered whole, without a JavaScript object in between. Any other frame (another op, a field
 * that is not known, a bad value, broken bytes) is FRAME_NOT_HOT, and has changed nothing.
 */
export interface FrameAnswerer {
  /** What became of the frames of the last call, a row of FRAME_ROW.size for each. */
  readonly frameRows: Int32Array;
  /** Answers one frame into `out` from 0, and says in row 0 what became of it. */
  answerFrame(frame: Uint8Array, nowMs: number, fixesMax: number, allowed: number, out: ReplyBuffer): void;
  /**
   * Answers frames from the one numbered `from`, which gets row 0, up to the one before `to`, one answer behind the other in `out`. Stops
   * after ANSWERED_FRAMES_MAX, after a frame that is not hot or has rejected fixes, where `out` is full, and when searches took long.
   * @returns the number behind the last frame that is dealt with, over `from`
   */
  answerFrames(
    frames: StagedFrames,
    from: number,
    to: number,
    nowMs: number,
    fixesMax: number,
    out: ReplyBuffer,
  ): number;
  /** The answer to the batch in `frame`, which was the last to be applied and is FRAME_REJECTIONS in the row at `at`. */
  rejections(frame: Uint8Array, at: number): Uint8Array;
  /** What a FRAME_TOO_WIDE is refused with. */
  tooWide(): RazielError;
}
