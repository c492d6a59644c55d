// Where to connect to: the few forms in which people write a server's address, all made one.
//
//   'localhost:7400'  →  ws://localhost:7400/v1/ws
//   'https://geo.example.com'  →  wss://geo.example.com/v1/ws

import { RazielClientError } from './errors.ts';

const PATH_DEFAULT = '/v1/ws';

/**
 * The WebSocket URL of a server named by ws:, wss:, http: or https:, or by host and port alone. A path of its own is kept.
 * @throws RazielClientError BAD_URL
 */
export function webSocketUrl(address: string): string {
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(address) ? address : `ws://${address}`;
  let url: URL;
  try {
    url = new URL(withScheme);
  } catch (cause) {
    throw new RazielClientError('BAD_URL', `not a server's address: ${withoutQuery(address)}`, { cause });
  }
  if (url.protocol === 'http:') url.protocol = 'ws:';
  if (url.protocol === 'https:') url.protocol = 'wss:';
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') {
    throw new RazielClientError(
      'BAD_URL',
      `an address begins with ws:, wss:, http: or https:, got ${withoutQuery(address)}`,
    );
  }
  if (url.pathname === '/' || url.pathname === '') url.pathname = PATH_DEFAULT;
  url.hash = '';
  return url.href;
}

/** An address as it may be shown: what is behind the `?` may be a token. */
export function withoutQuery(address: string): string {
  return address.replace(/\?.*$/s, '');
}
