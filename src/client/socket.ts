// The one seam to a WebSocket: the platform's own where there is one (browsers, Node ≥ 22), else the `ws` package, which is
// loaded only then, so that a browser's bundle never runs it.

/** The part of the WHATWG WebSocket that the client uses; the platform's and that of `ws` both have it. */
export interface SocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  onopen: ((event: unknown) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: { message?: string; error?: unknown }) => void) | null;
  send(data: Uint8Array): void;
  close(code?: number, reason?: string): void;
  /** Ends the connection at once; only `ws` has it. */
  terminate?(): void;
}

export type OpenSocket = (url: string) => SocketLike;

type SocketConstructor = new (url: string) => SocketLike;

export interface SocketOptions {
  readonly preferWs?: boolean;
  readonly token?: string;
  /** PEM. */
  readonly ca?: string;
}

/** A browser's WebSocket takes no headers. */
function withToken(url: string, token: string): string {
  const address = new URL(url);
  address.searchParams.set('token', token);
  return address.href;
}

/** The way to open a socket here. Prefers the platform's own; `preferWs` takes `ws` in Node, which is quicker for volume. */
export async function socketOpener({ preferWs = false, token, ca }: SocketOptions): Promise<OpenSocket> {
  const own = (globalThis as { WebSocket?: SocketConstructor }).WebSocket;
  if (own !== undefined && !preferWs && ca === undefined) {
    return (url) => {
      const socket = new own(token === undefined ? url : withToken(url, token));
      socket.binaryType = 'arraybuffer';
      return socket;
    };
  }
  const { WebSocket } = await import('ws');
  return (url) => {
    const socket = new WebSocket(url, {
      perMessageDeflate: false,
      maxPayload: 64 * 1024 * 1024,
      ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
      ...(ca === undefined ? {} : { ca }),
    });
    // A Buffer is a view of what arrived; an ArrayBuffer would be a copy.
    socket.binaryType = 'nodebuffer';
    return socket as unknown as SocketLike;
  };
}

/** A message's bytes, or undefined for a text frame: the client sends MessagePack, so MessagePack is what it is answered in. */
export function bytesOf(data: unknown): Uint8Array | undefined {
  if (data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return undefined;
}
