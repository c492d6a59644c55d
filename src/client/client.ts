// The client: typed operations over one pipelined connection, for Node and browsers.
//
//   const client = await connect('localhost:7400');
//   await client.locations([['cab-7', 37.7751, -122.4194]]);
//   const { drivers } = await client.nearest({ lat: 37.775, lon: -122.419, k: 3 });
//   await client.close();

import { Packr } from 'msgpackr';
import type { BackoffOptions } from './backoff.ts';
import { type ClientEvents, Connection, type ConnectionOptions } from './connection.ts';
import { RazielClientError } from './errors.ts';
import type { Request } from './outbox.ts';
import { socketOpener } from './socket.ts';
import type {
  Ack,
  DriverAnswer,
  Fix,
  LocationsAnswer,
  MultisearchAnswer,
  NearestAnswer,
  NearestQuery,
  Search,
  SearchAnswer,
  SupplyAnswer,
  SupplyQuery,
  WithinQuery,
  ZonesAtAnswer,
  ZonesAtPointsAnswer,
  ZonesAtPointsQuery,
  ZonesAtQuery,
} from './types.ts';
import { webSocketUrl, withoutQuery } from './url.ts';

export interface ClientOptions {
  /** True gives the client back at once, connected or not; requests wait in its buffer. Default false. */
  lazy?: boolean;
  /** How long one attempt to connect may take, milliseconds. Default 5,000. */
  connectTimeoutMs?: number;
  /** How long an answer may take from the call on, waiting for the connection included, milliseconds; 0 for ever. Default 30,000. */
  timeoutMs?: number;
  /** Backoff between attempts to connect again, or false for none. */
  reconnect?: BackoffOptions | false;
  /** Requests in flight at most; the rest wait in the buffer. Servers promise to take 16,384. Default 4,096. */
  inFlightMax?: number;
  /** Requests in flight or waiting, at most. Default 65,536. */
  pendingMax?: number;
  /** Their encoded bytes, at most. Default 64 MiB. */
  pendingBytesMax?: number;
  /** What happens past those two: the call is rejected with CLIENT_BUFFER_FULL, or the oldest waiting locations make room. */
  overflow?: 'reject' | 'drop-oldest';
  /** How often a request may be sent, connection after connection, before it is rejected. Default 5. */
  attemptsMax?: number;
  /** The largest frame that the server takes, bytes. Default 1 MiB. */
  frameBytesMax?: number;
  /** In Node, take the `ws` package even where the platform has a WebSocket of its own: quicker for volume. Default false. */
  preferWs?: boolean;
  /** For a server that asks for one. In browsers, and Node's own WebSocket, it goes into the URL, as it must. */
  token?: string;
  /** In Node, certificates to trust instead of the platform's, PEM; the `ws` package is taken then. */
  ca?: string;
  /** Randomness for the backoff's jitter, [0, 1). Default Math.random. */
  random?: () => number;
}

export interface RequestOptions {
  /** As `timeoutMs` of the client, for this request. */
  timeoutMs?: number;
}

export interface ClientStats {
  connected: boolean;
  /** Sockets opened so far. */
  connects: number;
  /** Requests that wait to be sent. */
  queued: number;
  inFlight: number;
  /** Encoded bytes of both. */
  pendingBytes: number;
  /** Requests sent a further time after a connection was lost. */
  resent: number;
  /** Requests and fixes given up by `overflow: 'drop-oldest'`. */
  droppedRequests: number;
  droppedFixes: number;
  /** Answers to requests that had timed out. */
  lateAnswers: number;
}

/** A request as it goes over the wire, but for its `ref`. */
interface WireRequest extends Record<string, unknown> {
  readonly op: string;
}

/** `ref`s start again here: small integers are the shortest in MessagePack, and no two in flight are this far apart. */
const REF_MAX = 2 ** 31;

/**
 * Connects to a server: `ws://host:port/v1/ws`, or `host:port`.
 * @throws RazielClientError BAD_URL, and CONNECT_FAILED when the first attempt fails (never when `lazy`).
 */
export async function connect(url: string, options: ClientOptions = {}): Promise<RazielClient> {
  const openSocket = await socketOpener(options);
  const client = new RazielClient({ ...withDefaults(options), url: webSocketUrl(url), openSocket }, options);
  if (options.lazy !== true) await client.firstConnection();
  return client;
}

function withDefaults(options: ClientOptions): Omit<ConnectionOptions, 'url' | 'openSocket'> {
  return {
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
    reconnect: options.reconnect ?? {},
    inFlightMax: options.inFlightMax ?? 4_096,
    pendingMax: options.pendingMax ?? 65_536,
    pendingBytesMax: options.pendingBytesMax ?? 64 * 1024 * 1024,
    overflow: options.overflow ?? 'reject',
    attemptsMax: options.attemptsMax ?? 5,
    random: options.random ?? Math.random,
  };
}

export class RazielClient {
  readonly #connection: Connection;
  // `undefined` is no value of the protocol; nil means absent wherever something may be.
  readonly #packr = new Packr({ useRecords: false, encodeUndefinedAsNil: true });
  readonly #timeoutMs: number;
  readonly #frameBytesMax: number;
  readonly #url: string;
  #ref = 0;

  /** Made by `connect`. */
  constructor(connection: ConnectionOptions, options: ClientOptions) {
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.#frameBytesMax = options.frameBytesMax ?? 1024 * 1024;
    this.#url = connection.url;
    this.#connection = new Connection(connection);
  }

  /** Calls `listener` at each event until the function returned is called. */
  on<Name extends keyof ClientEvents>(name: Name, listener: (event: ClientEvents[Name]) => void): () => void {
    return this.#connection.events.on(name, listener);
  }

  get connected(): boolean {
    return this.#connection.state === 'open';
  }

  stats(): ClientStats {
    const { connects, resent, lateAnswers, outbox } = this.#connection;
    return {
      connected: this.connected,
      connects,
      queued: outbox.queued,
      inFlight: outbox.inFlight,
      pendingBytes: outbox.bytes,
      resent,
      droppedRequests: outbox.droppedRequests,
      droppedFixes: outbox.droppedFixes,
      lateAnswers,
    };
  }

  /**
   * Sends fixes. With ack applied (the default) or durable, resolves with the counts; with none, resolves with undefined once
   * the batch is handed to the socket, and fixes that the server refuses come as a `rejected` event.
   */
  locations(batch: readonly Fix[], options: { ack: 'none' } & RequestOptions): Promise<undefined>;
  locations(
    batch: readonly Fix[],
    options?: { ack?: 'applied' | 'durable' } & RequestOptions,
  ): Promise<LocationsAnswer>;
  async locations(
    batch: readonly Fix[],
    { ack, timeoutMs }: { ack?: Ack } & RequestOptions = {},
  ): Promise<LocationsAnswer | undefined> {
    const answered = ack !== 'none';
    const request = { op: 'locations', batch, ...(ack === undefined ? {} : { ack }) };
    const { accepted, stale, duplicate, rejected } = await this.#send(request, timeoutMs, true, batch.length, answered);
    return answered ? ({ accepted, stale, duplicate, rejected } as LocationsAnswer) : undefined;
  }

  /** The k nearest drivers within the radius: nearest first, or with `rank: 'eta'` the quickest to be there. */
  async nearest(query: NearestQuery, options: RequestOptions = {}): Promise<NearestAnswer> {
    return this.#read<NearestAnswer>({ op: 'nearest', ...query }, options);
  }

  /** The drivers in one area: `bbox`, `geometry`, `circle` or `zone`. */
  async within(query: WithinQuery, options: RequestOptions = {}): Promise<SearchAnswer> {
    return this.#read<SearchAnswer>({ op: 'within', ...query }, options);
  }

  /** 1 to 64 searches with one clock for all; a bad one refuses them all, and the error's `index` names it. */
  async multisearch(searches: readonly Search[], options: RequestOptions = {}): Promise<MultisearchAnswer> {
    return this.#read<MultisearchAnswer>({ op: 'multisearch', searches }, options);
  }

  /** The fix held for a driver, or undefined when the server knows none. */
  async driver(id: string, options: RequestOptions = {}): Promise<DriverAnswer | undefined> {
    try {
      return await this.#read<DriverAnswer>({ op: 'driver', id }, options);
    } catch (error) {
      if (error instanceof RazielClientError && error.code === 'UNKNOWN_DRIVER') return undefined;
      throw error;
    }
  }

  /** Forgets a driver; false when there was none. Never sent twice: rejected with CONNECTION_LOST when the connection drops. */
  async remove(id: string, { timeoutMs }: RequestOptions = {}): Promise<boolean> {
    const answer = await this.#send({ op: 'remove', id }, timeoutMs, false);
    return answer.removed === true;
  }

  /** How many drivers are in each H3 cell. */
  async supply(query: SupplyQuery = {}, options: RequestOptions = {}): Promise<SupplyAnswer> {
    return this.#read<SupplyAnswer>({ op: 'supply', ...query }, options);
  }

  /** The zones that cover a point, or each of many points in one version. */
  zonesAt(query: ZonesAtQuery, options?: RequestOptions): Promise<ZonesAtAnswer>;
  zonesAt(query: ZonesAtPointsQuery, options?: RequestOptions): Promise<ZonesAtPointsAnswer>;
  async zonesAt(
    query: ZonesAtQuery | ZonesAtPointsQuery,
    options: RequestOptions = {},
  ): Promise<ZonesAtAnswer | ZonesAtPointsAnswer> {
    return this.#read<ZonesAtAnswer | ZonesAtPointsAnswer>({ op: 'zonesAt', ...query }, options);
  }

  /** `n` fresh ids, 1..10,000, of 63 bits; later ones are larger. */
  async ids(n = 1, options: RequestOptions = {}): Promise<bigint[]> {
    // The decoder makes a number of a small one.
    const { ids } = await this.#read<{ ids: (bigint | number)[] }>({ op: 'ids', n }, options);
    return ids.map(BigInt);
  }

  /** The server's clock, milliseconds since the Unix epoch. */
  async ping(options: RequestOptions = {}): Promise<{ time: number }> {
    return this.#read<{ time: number }>({ op: 'ping' }, options);
  }

  /** Ends the connection; what is pending is rejected with CLIENT_CLOSED. */
  close(): Promise<void> {
    return this.#connection.close();
  }

  /** Resolves at the first connection. @throws RazielClientError CONNECT_FAILED, and the client is closed then. */
  async firstConnection(): Promise<void> {
    const { events } = this.#connection;
    const failure = await Promise.race([events.once('connect').then(() => undefined), events.once('disconnect')]);
    if (failure === undefined) return;
    await this.#connection.close();
    throw new RazielClientError('CONNECT_FAILED', `cannot connect to ${withoutQuery(this.#url)}: ${failure.reason}`);
  }

  async #read<Answer>(request: WireRequest, { timeoutMs }: RequestOptions): Promise<Answer> {
    const { ref: _, ...answer } = await this.#send(request, timeoutMs, true);
    return answer as Answer;
  }

  #send(
    request: WireRequest,
    timeoutMs: number | undefined,
    resend: boolean,
    fixes = 0,
    answered = true,
  ): Promise<Record<string, unknown>> {
    return new Promise((resolve, reject) => {
      this.#ref = (this.#ref + 1) % REF_MAX;
      const ref = this.#ref;
      const wire: Record<string, unknown> = answered ? { ...request, ref } : { ...request };
      for (const name in wire) if (wire[name] === undefined) delete wire[name];
      const bytes = this.#packr.pack(wire);
      if (bytes.length > this.#frameBytesMax) {
        throw new RazielClientError(
          'TOO_LARGE',
          `${request.op} takes ${bytes.length} bytes, and a frame at most ${this.#frameBytesMax}; send fewer at a time`,
        );
      }
      const waitMs = timeoutMs ?? this.#timeoutMs;
      const deadlineMs = waitMs > 0 ? performance.now() + waitMs : Number.POSITIVE_INFINITY;
      const pending: Request = {
        ref,
        op: request.op,
        bytes,
        fixes,
        resend,
        answered,
        deadlineMs,
        attempts: 0,
        sentMs: 0,
        done: false,
        resolve,
        reject,
      };
      this.#connection.submit(pending);
    });
  }
}
