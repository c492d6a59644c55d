// One serving thread's app: routes HTTP and WebSocket to their handlers, counts its connections, and stops in order.

import type { Grant } from '../access/grant.ts';
import type { TlsFiles } from '../access/tls.ts';
import { RazielError } from '../errors.ts';
import { shortOfMemory } from '../overload/memory-guard.ts';
import { Connection, type ConnectionContext, type Peer } from './connection.ts';
import { handleHttp, type HttpContext, starting } from './http.ts';
import { readCaller } from './http-entry.ts';
import { asRazielError, Exchange } from './http-response.ts';
import {
  type App,
  closeListening,
  createApp,
  type HttpRequest,
  type HttpResponse,
  listen,
  type Listening,
  remoteAddressOf,
  type WebSocket,
} from './uws.ts';

/** Above the limit of frames by this much a frame still arrives whole and is refused with a close frame; beyond, uWebSockets.js drops the connection. */
const PAYLOAD_SLACK_BYTES = 1024 * 1024;
/** Connections past the limit that are still taken for as long as they speak HTTP: to say OVERLOADED, and for /metrics and /healthz. */
const SPARE_CONNECTIONS = 64;
const IDLE_SECONDS_MAX = 120;
/** Short of memory, connections that keep more than this are the first to end. */
const MUCH_KEPT_BYTES = 16 * 1024;
/** At a look, so many of them, largest first, or of those that said nothing: a share, and one at least. */
const ENDED_SHARE = 0.1;
/** A connection that has sent nothing for this long has nothing under way that the server could know of. */
const QUIET_MS = 50;
/** A client that keeps sending is let go after this long. */
const CHATTY_MS_MAX = 1_000;

export interface AppContext extends HttpContext, ConnectionContext {
  /** Undefined for plain HTTP. */
  readonly tls: TlsFiles | undefined;
  readonly connectionsMax: number;
  /** Connections of all threads. */
  readonly connectionsOpen: () => number;
}

interface Session {
  readonly peer: Peer;
  connection: Connection | undefined;
}

export class ServingApp {
  /** The one that listens last; those before it have the connections that were made to them. */
  readonly #apps: App[];
  readonly #context: AppContext;
  readonly #sockets = new Map<Connection, WebSocket<Session>>();
  #listening: (Listening & { readonly host: string }) | undefined;

  constructor(context: AppContext) {
    this.#context = context;
    this.#apps = [this.#create()];
  }

  /**
   * Listens and returns the port; undefined when the address cannot be had.
   * @param shared whether other threads listen on the same port
   */
  listen(host: string, port: number, shared: boolean): number | undefined {
    const listening = listen(this.#apps.at(-1) as App, host, port, shared);
    this.#listening = listening === undefined ? undefined : { ...listening, host };
    return listening?.port;
  }

  /**
   * Listens anew, with the certificate that the files hold by now, on the port that it must have as a shared one. Connections that are open
   * stay with the certificate that they began with.
   * @throws Error when that cannot be done; it goes on with the old one
   */
  renewTls(): void {
    const old = this.#listening;
    if (old === undefined) return;
    const app = this.#create();
    const listening = listen(app, old.host, old.port, true);
    if (listening === undefined) {
      app.close();
      throw new Error(`cannot listen on port ${old.port} anew`);
    }
    closeListening(old);
    this.#listening = { ...listening, host: old.host };
    this.#apps.push(app);
  }

  /** Takes no more connections. */
  stopListening(): void {
    if (this.#listening !== undefined) closeListening(this.#listening);
    this.#listening = undefined;
  }

  /** Answers what is in flight and closes each WebSocket (1001) when its answers are out, at the latest at the deadline. */
  async drain(deadlineMs: number): Promise<void> {
    const impatientAt = performance.now() + CHATTY_MS_MAX;
    while (this.#sockets.size > 0 && performance.now() < deadlineMs) {
      // What the kernel has received and not handed over yet arrives meanwhile.
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
      for (const connection of this.#sockets.keys()) {
        const isQuiet = !connection.takeHeard();
        if (connection.idle && (isQuiet || performance.now() > impatientAt)) {
          connection.close(1001, 'the server is shutting down');
        }
      }
    }
    for (const connection of this.#sockets.keys()) connection.close(1001, 'the server is shutting down');
  }

  /**
   * Ends connections for want of memory: those that keep most, or, when none keeps much, some that have sent no whole frame since this was last
   * called. What the socket library holds of half a frame cannot be seen from here.
   */
  relieve(): void {
    const loaded = [...this.#sockets.keys()].filter((connection) => connection.keptBytes > MUCH_KEPT_BYTES);
    loaded.sort((a, b) => b.keptBytes - a.keptBytes);
    const quiet = [...this.#sockets.keys()].filter((connection) => !connection.takeHeard());
    const from = loaded.length > 0 ? loaded : quiet;
    for (const connection of from.slice(0, Math.ceil(ENDED_SHARE * from.length))) {
      this.#context.counters.add('closedMemory', 1);
      // At once: a close frame would wait behind what the client does not read.
      this.#sockets.get(connection)?.close();
    }
  }

  /** Closes the WebSockets whose token is gone. */
  closeRevoked(): void {
    for (const connection of this.#sockets.keys()) connection.closeIfRevoked();
  }

  /** Ends every connection and the app. */
  close(): void {
    this.stopListening();
    for (const app of this.#apps) app.close();
  }

  #create(): App {
    const app = createApp(this.#context.tls);
    this.#countConnections(app);
    this.#routeWebSocket(app);
    app.any('/*', (res, req) => handleHttp(this.#context, res, req));
    return app;
  }

  /** Counts HTTP connections; one that is upgraded is counted as a WebSocket from then on. */
  #countConnections(app: App): void {
    const context = this.#context;
    // Called with 1 for each connection that comes and −1 for each that goes without having been upgraded.
    app.filter((res, count) => {
      const change = Number(count);
      context.counters.add('httpConnections', change);
      const most = context.memory.pressure === 2 ? 0 : context.connectionsMax;
      if (change > 0 && context.connectionsOpen() > most + SPARE_CONNECTIONS) {
        context.counters.add('refusedConnections', 1);
        res.close();
      }
    });
  }

  #routeWebSocket(app: App): void {
    const context = this.#context;
    app.ws<Session>('/v1/ws', {
      compression: 0,
      maxPayloadLength: context.limits.frameBytesMax + PAYLOAD_SLACK_BYTES,
      // No limit: connection.ts holds requests while much waits.
      maxBackpressure: 0,
      idleTimeout: IDLE_SECONDS_MAX,
      sendPingsAutomatically: true,
      upgrade: (res, req, upgradeContext) => {
        let grant: Grant;
        try {
          this.#refuseUpgrade();
          grant = this.#admit(req);
        } catch (cause) {
          refuse(context, res, cause);
          return;
        }
        const peer = { grant, remoteAddress: remoteAddressOf(res) };
        const key = req.getHeader('sec-websocket-key');
        const protocol = req.getHeader('sec-websocket-protocol');
        const extensions = req.getHeader('sec-websocket-extensions');
        res.upgrade<Session>({ peer, connection: undefined }, key, protocol, extensions, upgradeContext);
      },
      open: (ws) => {
        const connection = new Connection(ws, context, ws.getUserData().peer);
        ws.getUserData().connection = connection;
        this.#sockets.set(connection, ws);
        context.counters.add('httpConnections', -1);
        context.counters.add('webSockets', 1);
        context.counters.add('webSocketsOpened', 1);
      },
      message: (ws, message, isBinary) => ws.getUserData().connection?.receive(message, isBinary),
      drain: (ws) => ws.getUserData().connection?.drained(),
      close: (ws) => {
        const { connection } = ws.getUserData();
        if (connection === undefined) return;
        connection.ended();
        if (this.#sockets.delete(connection)) context.counters.add('webSockets', -1);
      },
    });
  }

  /** @throws RazielError SHUTTING_DOWN, OVERLOADED */
  #refuseUpgrade(): void {
    const context = this.#context;
    if (context.isDraining()) throw new RazielError('SHUTTING_DOWN', 'the server is shutting down');
    if (!context.isReady()) throw starting();
    if (context.memory.pressure > 0) {
      context.counters.add('shed', 1);
      throw shortOfMemory();
    }
    if (context.connectionsOpen() > context.connectionsMax) {
      context.counters.add('refusedConnections', 1);
      throw new RazielError('OVERLOADED', `the server takes at most ${context.connectionsMax} connections`);
    }
  }

  /** A WebSocket can change things once it is open, so that it is screened as what does. @throws Refusal */
  #admit(req: HttpRequest): Grant {
    const { gate } = this.#context;
    const caller = readCaller(req);
    gate.screen(caller, 'ingest');
    return gate.admitSocket(caller, req.getQuery() ?? '');
  }
}

function refuse(context: AppContext, res: HttpResponse, cause: unknown): void {
  const error = asRazielError(cause);
  if (error.code === 'INTERNAL') context.report(cause);
  context.counters.error(error.code);
  const exchange = new Exchange(res, 'json', false);
  exchange.closing = true;
  exchange.sendError(error);
}
