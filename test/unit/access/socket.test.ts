// How the client shows its token where a WebSocket takes no headers.

import { afterEach, expect, test } from 'vitest';
import { socketOpener } from '../../../src/client/socket.ts';
import { webSocketUrl } from '../../../src/client/url.ts';

const platform = globalThis as { WebSocket?: unknown };
const own = platform.WebSocket;
afterEach(() => {
  platform.WebSocket = own;
});

test("the platform's own WebSocket is given the token in the URL, and only then", async () => {
  const opened: string[] = [];
  platform.WebSocket = function open(url: string): void {
    opened.push(url);
  };
  (await socketOpener({ token: 'raziel_a+b' }))('wss://geo.example.com/v1/ws');
  (await socketOpener({}))('wss://geo.example.com/v1/ws');
  expect(opened).toEqual(['wss://geo.example.com/v1/ws?token=raziel_a%2Bb', 'wss://geo.example.com/v1/ws']);
});

test('an address that is refused is shown without what may be a token', () => {
  for (const address of ['ftp://h/?token=raziel_secret', 'ws://:x/?token=raziel_secret']) {
    expect(() => webSocketUrl(address)).toThrow(/^(?!.*raziel_secret)/s);
  }
});
