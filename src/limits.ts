// Every limit in one place, with the relations between them asserted. What can be configured is listed in config.ts with
// these as defaults; what cannot is part of the protocol.

import assert from 'node:assert/strict';

// Part of the protocol (docs/protocol.md).
export const ID_BYTES_MAX = 128;
export const TAG_BYTES_MAX = 64;
export const TAGS_PER_DRIVER_MAX = 32;
export const TAGS_DISTINCT_MAX = 256;
export const FUTURE_MS_MAX = 60_000;
export const TTL_SECONDS_MAX = 30 * 24 * 3600;
export const TTL_SECONDS_DEFAULT = 60;
export const K_DEFAULT = 10;
export const K_MAX = 1_000;
export const RADIUS_METERS_DEFAULT = 5_000;
export const RADIUS_METERS_MAX = 1_000_000;
export const WITHIN_LIMIT_DEFAULT = 100;
export const WITHIN_LIMIT_MAX = 10_000;
export const MULTISEARCH_MAX = 64;
export const ZONE_POINTS_MAX = 10_000;
export const GEOMETRY_VERTICES_MAX = 10_000;
export const LAYER_NAME_LENGTH_MAX = 64;
export const ZONE_LAYERS_MAX = 1_000;
export const ZONE_FAULTS_LISTED_MAX = 100;
/** Positions of one layer. */
export const ZONE_POSITIONS_MAX = 5_000_000;
export const ZONE_PROPERTIES_DEPTH_MAX = 32;
/** Levels of lists and objects in a body or frame of JSON. */
export const JSON_DEPTH_MAX = 64;
/**
 * Of the JSON of a body or frame; larger ones, where the configuration allows them, may have as many for their bytes. Lists and objects of nothing
 * are what takes JSON.parse longest for its bytes.
 */
export const JSON_LISTS_MAX = 100_000;
export const JSON_MEMBERS_MAX = 200_000;
export const JSON_BYTES_PER_LIST_MIN = 10;
export const JSON_BYTES_PER_MEMBER_MIN = 5;
/** Distinct names of members: each new one makes V8 a new shape. A fix has nine. */
export const JSON_NAMES_MAX = 1_024;
/** Of MessagePack, outside of batches of fixes, which are not decoded in JavaScript: lists, and maps and their entries. */
export const MESSAGE_LISTS_MAX = 100_000;
export const MESSAGE_MEMBERS_MAX = 20_000;
/** Lists in an upload of zones: its positions, and the rings and polygons around them. */
export const ZONE_JSON_LISTS_MAX = 6_000_000;
/** Objects and names in an upload of zones: a hundred thousand zones of 30 properties. */
export const ZONE_JSON_MEMBERS_MAX = 4_000_000;
/** Values of all kinds in an upload of zones. */
export const ZONE_JSON_VALUES_MAX = 30_000_000;
/** Of `base`, `perKm` and `perMinute` in a zone's fare: beyond, cents are no longer exact. */
export const FARE_AMOUNT_MAX = 1_000_000;
export const POLICY_REASON_LENGTH_MAX = 200;
export const SUPPLY_RESOLUTION_DEFAULT = 8;
export const SUPPLY_RESOLUTION_MAX = 15;
export const SUPPLY_CELLS_MAX = 250_000;

/** Of a key of small durable state (src/storage/state.ts). */
export const STATE_KEY_BYTES_MAX = 500;

export const IDS_PER_REQUEST_MAX = 10_000;
/** How far ids may run ahead of the clock: when more are asked for than a millisecond has, and when the clock goes back. */
export const IDS_AHEAD_MS_MAX = 10_000;
/** How far ahead ids are reserved on disk, so that none is given out twice after a crash; ids begin that far ahead then. */
export const IDS_RESERVED_MS = 5_000;

/** How far the wall clock may be from the server's before that is a jump, which is not followed. */
export const CLOCK_SLEWED_MS_MAX = 1_000;

/** Of the file of tokens. */
export const TOKENS_MAX = 10_000;
export const TOKEN_PREFIXES_MAX = 64;

/** Bytes of an answer that a client can make as large as it likes by asking for much. */
export const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

// Defaults of what can be configured.
export const DRIVERS_MAX_DEFAULT = 2_000_000;
export const FRAME_BYTES_MAX_DEFAULT = 1024 * 1024;
/** Of GeoJSON in an upload of zones. */
export const ZONES_BYTES_MAX_DEFAULT = 64 * 1024 * 1024;
/** Of GeoJSON in all layers that are held, as they were uploaded. */
export const ZONES_TOTAL_BYTES_MAX_DEFAULT = 512 * 1024 * 1024;
export const BATCH_FIXES_MAX_DEFAULT = 10_000;
export const SEARCH_CANDIDATES_MAX_DEFAULT = 1_000_000;
export const IN_FLIGHT_PER_CONNECTION_DEFAULT = 16_384;
export const HELD_BYTES_PER_CONNECTION_DEFAULT = 16 * 1024 * 1024;
/** Bytes that all threads together keep for their clients, where no other bound is given. */
export const KEPT_BYTES_MAX_DEFAULT = 1024 * 1024 * 1024;
/** Of the zones thread: the objects that the largest upload can become, and the layers. */
export const ZONES_HEAP_BYTES_DEFAULT = 4 * 1024 * 1024 * 1024;
/** Bytes of a request's body that must come in a second, on average, for its deadline to be put off. */
export const BODY_BYTES_PER_SECOND_MIN = 64 * 1024;
export const BODY_SECONDS_DEFAULT = 30;
export const CONNECTIONS_MAX_DEFAULT = 50_000;
export const PORT_DEFAULT = 7400;
/** Of the file in the data directory: addresses are taken for all of it, and disk as it fills. */
export const DATA_BYTES_MAX_DEFAULT = 16 * 1024 * 1024 * 1024;

// Travel times (docs/eta.md). Cells and areas take 1 KiB each in memory of all threads, and as much in the learner's.
export const ETA_CELLS_MAX = 8_192;
export const ETA_AREAS_MAX = 1_024;
/** Journeys that the learner goes over again, 80 bytes each. */
export const ETA_JOURNEYS_REMEMBERED = 65_536;
/** Candidates that are fetched for one search to be ranked by time, unless it asks for more drivers. */
export const ETA_CANDIDATES_MAX = 1_000;
/** Lists of tags in one search. */
export const GROUPS_MAX = 8;
/** Drivers whose ways are followed, of all. */
export const ETA_DRIVERS_FOLLOWED = 8_192;
/** Milliseconds in which a travel-time service must answer, or the default does. */
export const ETA_DEADLINE_MS_DEFAULT = 30;
/** Connections to it for each serving thread. */
export const ETA_CONNECTIONS_DEFAULT = 64;
/** Drivers that it is asked about in one request: OSRM has them in the URL, of which proxies take 8 KiB. */
export const ETA_ASKED_MAX = 300;
/** Searches of a thread that may wait for it, and their candidates in all: past either the default answers. */
export const ETA_SEARCHES_WAITING_MAX = 512;
export const ETA_CANDIDATES_WAITING_MAX = 65_536;
/** Of its answer: beside what each driver takes, of which OSRM writes some 150 bytes and Valhalla 100. */
export const ETA_ANSWER_BYTES_BASE = 16 * 1024;
export const ETA_ANSWER_BYTES_PER_DRIVER = 1_024;
/** How long a request that is late may still take until its connection is ended. */
export const ETA_LATE_MS_MAX = 1_000;
/** Failures in a row after which it is left alone, how long the row must have lasted, and for how long it is left alone. */
export const ETA_FAILURES_MAX = 5;
export const ETA_FAILING_MS = 100;
export const ETA_LEFT_ALONE_MS = 1_000;

// Tracing (docs/tracing.md). A thread's ring of spans takes TRACE_RING_SPANS × 64 bytes.
export const TRACE_RING_SPANS = 4_096;
/** Spans of one request. */
export const TRACE_SPANS_PER_REQUEST_MAX = 64;
/** Requests that a serving thread can keep the spans of at once; past it a request runs untraced. */
export const TRACE_REQUESTS_RUNNING_MAX = 1_024;
/** Distinct names of endpoints, callers and errors of a thread. */
export const TRACE_STRINGS_MAX = 512;
export const TRACE_STRING_BYTES_MAX = 63;
/** Requests a second and thread that are kept because they failed or were slow. */
export const TRACE_KEPT_PER_SECOND_MAX = 100;
export const TRACE_RATE_DEFAULT = 0.01;
export const TRACE_SLOW_MS_DEFAULT = 100;
/** Of UDP: within what an Ethernet frame carries. */
export const TRACE_DATAGRAM_BYTES_MAX = 1_400;
/** Spans of one trace that are shown. */
export const TRACE_SPANS_PER_TRACE_MAX = 512;
/** Spans that the collector holds, 64 bytes each. */
export const TRACE_SPANS_MAX_DEFAULT = 200_000;
/** Texts that they name; half of them may be other servers'. Numbers of 16 bits. */
export const TRACE_TEXTS_MAX = 16_384;
/** Endpoints of other hosts that statistics are kept of. */
export const TRACE_AGGREGATES_MAX = 512;
/** Of the file that traces are stored in. */
export const TRACE_ARCHIVE_BYTES_MAX = 1024 * 1024 * 1024;
/** Spans that wait to be stored. */
export const TRACE_ARCHIVE_PENDING_MAX = 20_000;
/** Spans that wait for an OpenTelemetry collector. */
export const TRACE_EXPORT_SPANS_MAX = 4_096;
/** Questions about traces that may be under way for a serving thread. */
export const TRACE_JOBS_MAX = 64;
export const TRACES_LIMIT_DEFAULT = 50;
export const TRACES_LIMIT_MAX = 1_000;
/** Endpoints of a thread. */
export const ENDPOINTS_MAX = 64;

assert(K_DEFAULT <= K_MAX);
assert(RADIUS_METERS_DEFAULT <= RADIUS_METERS_MAX);
assert(WITHIN_LIMIT_DEFAULT <= WITHIN_LIMIT_MAX);
assert(TTL_SECONDS_DEFAULT <= TTL_SECONDS_MAX);
assert(TAGS_PER_DRIVER_MAX <= TAGS_DISTINCT_MAX);
assert(IDS_RESERVED_MS < IDS_AHEAD_MS_MAX, 'or no ids could be made after a crash');
assert(IN_FLIGHT_PER_CONNECTION_DEFAULT >= 16_384, 'clients are promised that many');
assert(HELD_BYTES_PER_CONNECTION_DEFAULT >= FRAME_BYTES_MAX_DEFAULT);
assert(ETA_ASKED_MAX <= ETA_CANDIDATES_WAITING_MAX);
assert(TRACE_SPANS_PER_REQUEST_MAX <= TRACE_RING_SPANS);
assert(ZONE_PROPERTIES_DEPTH_MAX < JSON_DEPTH_MAX);
assert(ZONE_JSON_LISTS_MAX > ZONE_POSITIONS_MAX, 'a position is a list');
assert(ZONE_JSON_VALUES_MAX > 4 * ZONE_POSITIONS_MAX, 'a position is a list of two numbers, and a comma');
assert(TRACE_TEXTS_MAX <= 65_536);
