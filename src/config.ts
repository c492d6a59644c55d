// The server's settings: one table with their types, ranges, defaults and descriptions. Flags, environment variables (RAZIEL_PORT for --port),
// the configuration file (`{"port": 7400}`) and the documentation follow it; config-sources.ts reads them.

import { availableParallelism, hostname } from 'node:os';
import { z } from 'zod';
import { isLoopback } from './access/addresses.ts';
import {
  BATCH_FIXES_MAX_DEFAULT,
  BODY_SECONDS_DEFAULT,
  CONNECTIONS_MAX_DEFAULT,
  DATA_BYTES_MAX_DEFAULT,
  DRIVERS_MAX_DEFAULT,
  ETA_CONNECTIONS_DEFAULT,
  ETA_DEADLINE_MS_DEFAULT,
  FRAME_BYTES_MAX_DEFAULT,
  HELD_BYTES_PER_CONNECTION_DEFAULT,
  IN_FLIGHT_PER_CONNECTION_DEFAULT,
  PORT_DEFAULT,
  SEARCH_CANDIDATES_MAX_DEFAULT,
  TRACE_RATE_DEFAULT,
  TRACE_SLOW_MS_DEFAULT,
  TRACE_STRING_BYTES_MAX,
  TRACE_SPANS_MAX_DEFAULT,
  TAG_BYTES_MAX,
  TTL_SECONDS_DEFAULT,
  TTL_SECONDS_MAX,
  ZONES_BYTES_MAX_DEFAULT,
  ZONES_TOTAL_BYTES_MAX_DEFAULT,
} from './limits.ts';
import { readEtaService } from './eta/http/service-url.ts';
import { parseIsoTime } from './drivers/time.ts';
import { ID_EPOCH_MS_DEFAULT, MACHINE_MAX } from './ids/layout.ts';

import { readUdpAddress } from './tracing/address.ts';

const THREADS_MAX = 256;

/** Text is read as a number; no text is none, not zero. */
const numeric = (schema: z.ZodNumber) =>
  z.preprocess((value) => {
    if (typeof value !== 'string') return value;
    return value.trim() === '' ? Number.NaN : Number(value);
  }, schema);

const whole = (min: number, max: number) => numeric(z.number().int().min(min).max(max));

function readEpoch(text: string, context: z.RefinementCtx): number {
  const ms = parseIsoTime(text);
  if (ms !== undefined) return ms;
  context.addIssue('must be a time such as 2024-01-01T00:00:00Z, or milliseconds since the Unix epoch');
  return z.NEVER;
}

/** Text is a list by commas. @param item what each must look like, and how that is said */
const list = (item: RegExp, rule: string) =>
  z
    .preprocess(
      (value) =>
        typeof value === 'string'
          ? value
              .split(',')
              .map((part) => part.trim())
              .filter((part) => part !== '')
          : value,
      z.array(z.string().regex(item, rule)),
    )
    .default([]);

const BYTES_OF_UNIT = { '': 1, B: 1, KB: 1e3, MB: 1e6, GB: 1e9, KIB: 2 ** 10, MIB: 2 ** 20, GIB: 2 ** 30 } as const;

/** `512MiB`, `2 GiB`, `1.5GB`, or a number of bytes. */
function readBytes(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const match = /^(\d+(?:\.\d+)?) ?(|B|[KMG]I?B)$/.exec(value.trim().toUpperCase());
  if (match === null) return Number.NaN;
  return Math.floor(Number(match[1]) * BYTES_OF_UNIT[match[2] as keyof typeof BYTES_OF_UNIT]);
}

/** `https://ops.example.com`, with a port where it is not the scheme's own. */
const ORIGIN = /^(?:\*|null|[a-z][a-z0-9+.-]*:\/\/[^/\s]+\/?)$/i;
const HOST_NAME = /^(?:\*|[^/:\s]+)$/;

/** Texts that flags and the environment write for false and true. */
const flag = z.union([
  z.boolean(),
  z.enum(['0', 'false', '']).transform(() => false),
  z.enum(['1', 'true']).transform(() => true),
]);

/** None by default. */
const udpAddress = (hostDefault: string | undefined) =>
  z
    .string()
    .refine((text) => text === '' || readUdpAddress(text, hostDefault) !== undefined, {
      message: hostDefault === undefined ? 'must be HOST:PORT' : 'must be [HOST:]PORT',
    })
    .default('');

export const SCHEMA = z
  .object({
    host: z.string().min(1).default('127.0.0.1').describe('address to listen on'),
    port: whole(0, 65_535).default(PORT_DEFAULT).describe('port to listen on; 0 takes any free one'),
    insecure: flag.default(false).describe('allow an address other than loopback without tokens'),
    auth: z.string().min(1).optional().meta({ description: 'file of tokens: callers need one', isPath: true }),
    tlsCert: z
      .string()
      .min(1)
      .optional()
      .meta({ description: 'file of the certificate, PEM: speak TLS', isPath: true }),
    tlsKey: z
      .string()
      .min(1)
      .optional()
      .meta({ description: 'file of its key, PEM, without a passphrase', isPath: true }),
    allowOrigin: list(ORIGIN, 'must be origins, as https://ops.example.com, or *').describe(
      'origins whose pages may ask, as https://ops.example.com; * for any',
    ),
    allowHost: list(HOST_NAME, 'must be names without a port, or *').describe(
      'names by which the server may be called, beside its address and localhost; * for any',
    ),
    engine: z
      .enum(['auto', 'native', 'portable'])
      .default('auto')
      .describe('engine of drivers: native, portable or auto'),
    data: z
      .string()
      .min(1)
      .default('./raziel-data')
      .meta({ description: 'directory of what outlives the server', isPath: true }),
    memory: flag.default(false).describe('keep everything in memory: no data directory, and nothing after a restart'),
    dataBytesMax: whole(1024 * 1024, 16 * 1024 ** 4)
      .default(DATA_BYTES_MAX_DEFAULT)
      .describe('bytes of the file in the data directory at most'),
    threads: whole(1, THREADS_MAX)
      .default(Math.max(1, availableParallelism() - 1))
      .describe('serving threads'),
    driversMax: whole(1, 1_000_000_000).default(DRIVERS_MAX_DEFAULT).describe('drivers held at most'),
    ttl: numeric(z.number().gt(0).max(TTL_SECONDS_MAX))
      .default(TTL_SECONDS_DEFAULT)
      .describe('seconds that a fix lives when it names no ttl'),
    searchCandidatesMax: whole(1, 1_000_000_000)
      .default(SEARCH_CANDIDATES_MAX_DEFAULT)
      .describe('candidates that one search may look at'),
    frameBytesMax: whole(1_024, 64 * 1024 * 1024)
      .default(FRAME_BYTES_MAX_DEFAULT)
      .describe('bytes of a frame or body at most'),
    zonesBytesMax: whole(1_024, 1024 * 1024 * 1024)
      .default(ZONES_BYTES_MAX_DEFAULT)
      .describe('bytes of an upload of zones at most'),
    zonesTotalBytesMax: whole(1_024, 64 * 1024 * 1024 * 1024)
      .default(ZONES_TOTAL_BYTES_MAX_DEFAULT)
      .describe('bytes of all layers of zones together at most, as uploaded'),
    batchFixesMax: whole(1, 1_000_000).default(BATCH_FIXES_MAX_DEFAULT).describe('fixes in a batch at most'),
    inFlightMax: whole(1, 10_000_000)
      .default(IN_FLIGHT_PER_CONNECTION_DEFAULT)
      .describe('requests in flight on a connection at most'),
    heldBytesMax: whole(1_024, 4 * 1024 * 1024 * 1024)
      .default(HELD_BYTES_PER_CONNECTION_DEFAULT)
      .describe('bytes of requests that wait on a connection at most'),
    maxMemory: z
      .preprocess(readBytes, z.number('must be a number of bytes such as 512MiB or 2GiB').int().min(0))
      .default(0)
      .meta({ description: 'memory that the process may take, such as 512MiB; 0 is no bound', isWritten: true }),
    slowQueryMs: numeric(z.number().min(0).max(3_600_000))
      .default(0)
      .describe('requests that take so many milliseconds are logged; 0 logs none'),
    bodySeconds: numeric(z.number().gt(0).max(86_400))
      .default(BODY_SECONDS_DEFAULT)
      .describe('seconds in which the body of a request must come; at 64 KiB a second it may take longer'),
    connectionsMax: whole(1, 10_000_000).default(CONNECTIONS_MAX_DEFAULT).describe('connections at most'),
    machine: whole(0, MACHINE_MAX).default(0).describe('number of this machine in the ids that it makes'),
    idEpoch: z
      .union([whole(0, Number.MAX_SAFE_INTEGER), z.string().transform(readEpoch)])
      .default(ID_EPOCH_MS_DEFAULT)
      .meta({
        description: 'when the milliseconds of ids begin: a time in ISO 8601, or milliseconds since the Unix epoch',
        isWritten: true,
      }),
    eta: z
      .string()
      .refine((text) => readEtaService(text) !== undefined, {
        message: 'must be learned, osrm:URL or valhalla:URL, as osrm:http://127.0.0.1:5000, without user or query',
      })
      .default('learned')
      .describe('whence travel times come: learned, osrm:URL or valhalla:URL'),
    etaDeadlineMs: numeric(z.number().min(1).max(10_000))
      .default(ETA_DEADLINE_MS_DEFAULT)
      .describe('milliseconds in which that service must answer, or what was learned does'),
    etaConnections: whole(1, 4_096)
      .default(ETA_CONNECTIONS_DEFAULT)
      .describe('connections to that service for each serving thread'),
    etaOverfetch: numeric(z.number().min(1).max(100))
      .default(3)
      .describe('candidates looked at by travel time for each driver that is answered'),
    etaIdleTag: z
      .string()
      .max(TAG_BYTES_MAX)
      .default('free')
      .describe('tag of drivers that wait or wander: travel times are not learned from them'),
    drainSeconds: numeric(z.number().min(0).max(3_600)).default(10).describe('seconds that a stopping server may take'),
    traceRate: numeric(z.number().min(0).max(1))
      .default(TRACE_RATE_DEFAULT)
      .describe('share of requests whose trace is recorded'),
    traceSlowMs: numeric(z.number().min(0).max(3_600_000))
      .default(TRACE_SLOW_MS_DEFAULT)
      .describe('requests that take more milliseconds are recorded too'),
    traceTo: udpAddress(undefined).describe(
      "address of another server's collector (HOST:PORT, UDP) that traces are sent to",
    ),
    traceListen: udpAddress('127.0.0.1').describe("address ([HOST:]PORT, UDP) to collect other servers' traces on"),
    traceHost: z
      .string()
      .min(1)
      .max(TRACE_STRING_BYTES_MAX)
      .default(hostname().slice(0, TRACE_STRING_BYTES_MAX) || 'raziel')
      .describe('name of this server in traces'),
    traceSpansMax: whole(1, 10_000_000).default(TRACE_SPANS_MAX_DEFAULT).describe('spans of traces held at most'),
    traceRetention: whole(0, 10 * 365 * 24 * 3600)
      .default(0)
      .describe('seconds that traces are stored in the data directory; 0 stores none'),
    otlp: z
      .union([z.literal(''), z.url({ protocol: /^https?$/ })])
      .default('')
      .describe(
        'URL of an OpenTelemetry collector that traces are exported to, with its path: http://HOST:4318/v1/traces',
      ),
    logLevel: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .default('info')
      .describe('what is logged, to standard error'),
  })
  .strict()
  .refine((config) => config.heldBytesMax >= config.frameBytesMax, {
    path: ['heldBytesMax'],
    message: 'must be at least frameBytesMax',
  })
  .refine((config) => (config.tlsCert === undefined) === (config.tlsKey === undefined), {
    path: ['tlsCert'],
    message: 'certificate and key (--tls-cert, --tls-key) come together',
  })
  .refine((config) => config.traceRetention === 0 || !config.memory, {
    path: ['traceRetention'],
    message: 'traces are stored in the data directory, and --memory has none',
  })
  .refine((config) => config.insecure || config.auth !== undefined || isLoopback(config.host), {
    path: ['host'],
    message: 'without tokens (--auth) the server listens on loopback only; --insecure allows any address',
  });

export type Config = Readonly<z.infer<typeof SCHEMA>>;
