// The one file that imports uWebSockets.js: loads it, or says which Node versions its binaries fit, and names the few of its types that
// the transport uses.

import { createRequire } from 'node:module';
import type uWebSockets from 'uWebSockets.js';
import type { TlsFiles } from '../access/tls.ts';

export type App = uWebSockets.TemplatedApp;
export type HttpRequest = uWebSockets.HttpRequest;
export type HttpResponse = uWebSockets.HttpResponse;
type ListenSocket = uWebSockets.us_listen_socket;
export type WebSocket<T> = uWebSockets.WebSocket<T>;

/** Versions of Node for which the package carries binaries that run on glibc 2.31 (20) or 2.38 (22 and later). */
const NODE_VERSIONS = '20, 22, 24 and 25';

// uWS.LIBUS_LISTEN_EXCLUSIVE_PORT; the default lets other sockets of the same user share the port in silence.
const LISTEN_SHARED = 0;
const LISTEN_EXCLUSIVE = 1;

/** A listening socket and the port it got. */
export interface Listening {
  readonly socket: ListenSocket;
  readonly port: number;
}

let loaded: typeof uWebSockets | undefined;

/** @throws Error that names the fitting Node versions where no binary of uWebSockets.js does */
function loadUws(): typeof uWebSockets {
  if (loaded !== undefined) return loaded;
  try {
    loaded = createRequire(import.meta.url)('uWebSockets.js') as typeof uWebSockets;
    return loaded;
  } catch (cause) {
    throw new Error(
      `uWebSockets.js has no binary for Node ${process.versions.node} on ${process.platform} ${process.arch}; ` +
        `Raziel serves on Node ${NODE_VERSIONS} (from 22 on with glibc 2.38 or later), on Linux, macOS and Windows`,
      { cause },
    );
  }
}

/**
 * @param tls files of a certificate and its key, which have been checked; without, the app speaks plain HTTP
 * @throws Error when the files cannot be used
 */
export function createApp(tls?: TlsFiles): App {
  const uws = loadUws();
  if (tls === undefined) return uws.App();
  return uws.SSLApp({ cert_file_name: tls.certFile, key_file_name: tls.keyFile });
}

/**
 * Listens; port 0 takes any free one.
 * @param shared whether other threads' apps may listen on the same port; without, the port must be free of any listener
 * @returns undefined when the address is in use or not this machine's
 */
export function listen(app: App, host: string, port: number, shared: boolean): Listening | undefined {
  const uws = loadUws();
  let socket: ListenSocket | false = false;
  // The types lack this overload (host, port, options, callback), which the addon has; the callback runs at once.
  const listenWithOptions = app.listen as unknown as (
    host: string,
    port: number,
    options: number,
    callback: (socket: ListenSocket | false) => void,
  ) => void;
  listenWithOptions.call(app, host, port, shared ? LISTEN_SHARED : LISTEN_EXCLUSIVE, (got) => {
    socket = got;
  });
  return socket === false ? undefined : { socket, port: uws.us_socket_local_port(socket) };
}

/** As text, an IPv4 address as such; to be asked before a handler returns. */
export function remoteAddressOf(peer: Pick<HttpResponse, 'getRemoteAddressAsText'>): string {
  const text = Buffer.from(peer.getRemoteAddressAsText()).toString();
  return text.replace(/^(?:0000:){5}ffff:([0-9a-f]{2})([0-9a-f]{2}):([0-9a-f]{2})([0-9a-f]{2})$/i, (_, ...parts) =>
    parts
      .slice(0, 4)
      .map((part: string) => Number.parseInt(part, 16))
      .join('.'),
  );
}

export function closeListening(listening: Listening): void {
  loadUws().us_listen_socket_close(listening.socket);
}
